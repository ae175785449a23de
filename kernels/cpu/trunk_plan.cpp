// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/trunk_plan.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/error.h"

namespace sphereface {
namespace {

using dnnl::memory;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

size_t rounded(size_t bytes) {
  constexpr size_t kAlignment = 64;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

memory::desc plainWeights(const ConvLayer& c) {
  return {{c.out_channels, c.in_channels, 3, 3}, Type::f32, Tag::oihw};
}

/// Parts of one allocation, in the order they are asked for.
struct Allotment {
  size_t total = 0;

  size_t take(size_t bytes) {
    const size_t offset = total;
    total += rounded(bytes);
    return offset;
  }
};

}  // namespace

TrunkPlan::TrunkPlan(const EngineOptions& options, const float* all_parameters,
                     float* all_gradients)
    : network(options.network),
      batch(options.batch),
      type(options.precision == Precision::kBf16 ? Type::bf16 : Type::f32),
      parameters(all_parameters),
      gradients(all_gradients),
      training(all_gradients != nullptr) {
  const int lanes = onednn::channelsPerBlock();
  int widest = 0;
  for (const ConvLayer& shape : network.convs) {
    TrunkLayer layer;
    layer.shape = shape;
    layer.blocked = {batch, (shape.out_channels + lanes - 1) / lanes,
                     shape.out_height * shape.out_width, lanes};
    widest = std::max(widest, layer.blocked.paddedChannels());
    layers.push_back(std::move(layer));
  }
  if (training) {
    const std::vector<GradientFlow> flow = planGradients(network);
    for (size_t i = 0; i < layers.size(); ++i)
      layers[i].flow = flow[i];
  }
  chooseAlgorithms(options);
  std::vector<LayerPrimitives> primitives;
  for (size_t i = 0; i < layers.size(); ++i)
    primitives.push_back(makePrimitives(engine, describe(i), algorithms[i]));

  const auto rows = static_cast<size_t>(batch);
  fc_input = AlignedBuffer<float>(rows * network.fc_inputs);
  padded_slope = AlignedBuffer<float>(static_cast<size_t>(widest));
  if (training) {
    d_fc_input = AlignedBuffer<float>(rows * network.fc_inputs);
    slope_gradient = AlignedBuffer<float>(rows * static_cast<size_t>(widest));
    bias_gradient = AlignedBuffer<float>(static_cast<size_t>(widest));
  }
  planMemory(primitives);
  for (size_t i = 0; i < layers.size(); ++i)
    tieCalls(i, primitives[i]);

  const TrunkLayer& last = layers.back();
  const memory::desc blocked = blockedDesc(last.shape);
  const memory::desc plain = plainOutputDesc(last.shape);
  to_fc_input = reorder(at(blocked, last.post), at(plain, fc_input.data()));
  if (!training) return;
  from_d_fc_input = reorder(at(plain, d_fc_input.data()),
                            at(blocked, gradient.at(static_cast<size_t>(last.flow.grad))));
}

memory::desc TrunkPlan::blockedDesc(const ConvLayer& c) const {
  return {{batch, c.out_channels, c.out_height, c.out_width},
          type,
          onednn::channelsPerBlock() == 16 ? Tag::nChw16c : Tag::nChw8c};
}

memory::desc TrunkPlan::inputDesc() const {
  return {{batch, network.channels, network.height, network.width}, type, Tag::nchw};
}

memory::desc TrunkPlan::plainOutputDesc(const ConvLayer& c) const {
  return {{batch, c.out_channels, c.out_height, c.out_width}, Type::f32, Tag::nchw};
}

LayerDescription TrunkPlan::describe(size_t index) const {
  const ConvLayer& c = network.convs[index];
  LayerDescription layer;
  layer.src = index == 0 ? inputDesc() : blockedDesc(network.convs[index - 1]);
  layer.dst = blockedDesc(c);
  layer.stride = c.stride;
  layer.bias = memory::desc({c.out_channels}, Type::f32, Tag::x);
  layer.train_bias = c.train_bias;
  layer.training = training;
  layer.with_backward_data = index > 0;
  return layer;
}

void TrunkPlan::chooseAlgorithms(const EngineOptions& options) {
  algorithms.assign(layers.size(), kAllDirect);
  if (options.convolution == Convolution::kDirect) return;
  if (options.convolution_algorithms.empty()) {
    measureEachShape();
  } else {
    algorithms = parseAlgorithms(options.convolution_algorithms, layers.size());
    keepWhatWorks();
  }
  ptrdiff_t winograd = 0;
  for (const LayerAlgorithms& layer : algorithms) {
    winograd += std::count(layer.begin(), layer.end(), dnnl::algorithm::convolution_winograd);
  }
  const size_t passes = training ? layers.size() * kPassCount - 1 : layers.size();
  notes.push_back(concat("convolutions: Winograd in ", winograd, " of ", passes,
                         " passes, direct in the others"));
}

/// Layers of one shape are measured once, so that they also get the same answer.
void TrunkPlan::measureEachShape() {
  std::map<std::tuple<int, int, int, int, int, bool>, LayerAlgorithms> measured;
  for (size_t i = 0; i < layers.size(); ++i) {
    const ConvLayer& c = network.convs[i];
    const std::tuple shape(c.in_channels, c.out_channels, c.in_height, c.in_width, c.stride,
                           c.train_bias);
    auto found = measured.find(shape);
    if (found == measured.end()) {
      found = measured.emplace(shape, measureAlgorithms(engine, stream, describe(i))).first;
    }
    algorithms[i] = found->second;
  }
}

/// A choice made elsewhere may name what this machine's oneDNN doesn't have.
void TrunkPlan::keepWhatWorks() {
  std::string missing;
  for (size_t i = 0; i < layers.size(); ++i) {
    try {
      makePrimitives(engine, describe(i), algorithms[i]);
    } catch (const dnnl::error&) {
      algorithms[i] = kAllDirect;
      missing = layers[i].shape.name;
    }
  }
  if (missing.empty()) return;
  notes.push_back(concat("the convolutions' recorded algorithms can't all be had on this machine (",
                         missing, "): direct ones instead, so results differ in the last digits"));
}

/// Lays out the arena (see the top of the header).
void TrunkPlan::planMemory(const std::vector<LayerPrimitives>& primitives) {
  size_t largest = 0;
  size_t weight_bytes = 0;
  size_t scratchpad_bytes = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerPrimitives& made = primitives[i];
    largest = std::max(largest, blockedDesc(layers[i].shape).get_size());
    weight_bytes = std::max(weight_bytes, made.forward.weights_desc().get_size());
    scratchpad_bytes = std::max(scratchpad_bytes, made.forward.scratchpad_desc().get_size());
    if (!training) continue;
    weight_bytes = std::max(weight_bytes, made.backward_weights.diff_weights_desc().get_size());
    scratchpad_bytes =
        std::max(scratchpad_bytes, made.backward_weights.scratchpad_desc().get_size());
    if (i == 0) continue;
    weight_bytes = std::max(weight_bytes, made.backward_data.weights_desc().get_size());
    scratchpad_bytes = std::max(scratchpad_bytes, made.backward_data.scratchpad_desc().get_size());
  }

  Allotment allot;
  const size_t input_at = allot.take(inputDesc().get_size());
  std::array<size_t, kSharedBuffers> shared_at = {};
  for (size_t& offset : shared_at)
    offset = allot.take(largest);
  const size_t weights_at = allot.take(weight_bytes);
  const size_t scratchpad_at = allot.take(scratchpad_bytes);
  std::vector<size_t> pre_at(layers.size());
  std::vector<size_t> post_at(layers.size());
  std::vector<size_t> signs_at(layers.size());
  const std::vector<int> outputs = planOutputs(network);
  for (size_t i = 0; i < layers.size(); ++i) {
    const ConvLayer& c = layers[i].shape;
    if (training) {
      const size_t bytes = blockedDesc(c).get_size();
      post_at[i] = allot.take(bytes);
      const bool residual = c.residual_from >= 0;
      pre_at[i] = residual ? allot.take(bytes) : post_at[i];
      if (!residual) signs_at[i] = allot.take(layers[i].blocked.signWords() * sizeof(uint32_t));
      continue;
    }
    pre_at[i] = post_at[i] = shared_at.at(static_cast<size_t>(outputs[i]));
  }

  arena = AlignedBuffer<uint8_t>(allot.total);
  uint8_t* base = arena.data();
  input = base + input_at;
  weights_ = base + weights_at;
  scratchpad_ = base + scratchpad_at;
  for (size_t i = 0; i < gradient.size(); ++i)
    gradient.at(i) = base + shared_at.at(i);
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].pre = base + pre_at[i];
    layers[i].post = base + post_at[i];
    if (training && layers[i].shape.residual_from < 0) {
      layers[i].signs = reinterpret_cast<uint32_t*>(base + signs_at[i]);
    }
  }
}

memory TrunkPlan::at(const memory::desc& desc, const void* data) const {
  return {desc, engine, const_cast<void*>(data)};
}

/// Between two fixed layouts, replacing what is there or adding to it.
onednn::Call TrunkPlan::reorder(const memory& from, const memory& to, bool add) const {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (add) {
    dnnl::post_ops sum;
    sum.append_sum(1.0F);
    attributes.set_post_ops(sum);
  }
  const dnnl::reorder::primitive_desc desc(from, to, attributes);
  if (desc.scratchpad_desc().get_size() > 0) {
    throw Error("oneDNN wants a scratchpad for a reorder, which the plan doesn't foresee");
  }
  return {dnnl::reorder(desc), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}};
}

void TrunkPlan::tieCalls(size_t index, const LayerPrimitives& made) {
  TrunkLayer& layer = layers[index];
  const ConvLayer& c = layer.shape;
  const LayerDescription description = describe(index);
  const memory plain = at(plainWeights(c), parameters + c.weight);
  const memory source = at(description.src, index == 0 ? input : layers[index - 1].post);

  const memory forward_weights = at(made.forward.weights_desc(), weights_);
  layer.weights_to_forward = reorder(plain, forward_weights);
  layer.forward = {dnnl::convolution_forward(made.forward),
                   {{DNNL_ARG_SRC, source},
                    {DNNL_ARG_WEIGHTS, forward_weights},
                    {DNNL_ARG_BIAS, at(description.bias, parameters + c.bias)},
                    {DNNL_ARG_DST, at(description.dst, layer.pre)},
                    {DNNL_ARG_SCRATCHPAD, at(made.forward.scratchpad_desc(), scratchpad_)}}};
  if (!training) return;

  const memory d_output = at(description.dst, gradient.at(static_cast<size_t>(layer.flow.dpre)));
  const memory d_weights = at(made.backward_weights.diff_weights_desc(), weights_);
  std::vector<std::pair<int, memory>> arguments = {
      {DNNL_ARG_SRC, source},
      {DNNL_ARG_DIFF_DST, d_output},
      {DNNL_ARG_DIFF_WEIGHTS, d_weights},
      {DNNL_ARG_SCRATCHPAD, at(made.backward_weights.scratchpad_desc(), scratchpad_)}};
  if (c.train_bias) {
    arguments.emplace_back(DNNL_ARG_DIFF_BIAS, at(description.bias, bias_gradient.data()));
  }
  layer.backward_parameters = {dnnl::convolution_backward_weights(made.backward_weights),
                               arguments};
  const memory d_plain = at(plainWeights(c), gradients + c.weight);
  layer.gradient_to_plain = reorder(d_weights, d_plain);
  layer.gradient_add_to_plain = reorder(d_weights, d_plain, true);
  if (index == 0) return;

  const memory backward_weights = at(made.backward_data.weights_desc(), weights_);
  layer.weights_to_backward = reorder(plain, backward_weights);
  const auto below = static_cast<size_t>(layers[index - 1].flow.grad);
  layer.backward_data = {
      dnnl::convolution_backward_data(made.backward_data),
      {{DNNL_ARG_DIFF_DST, d_output},
       {DNNL_ARG_WEIGHTS, backward_weights},
       {DNNL_ARG_DIFF_SRC, at(description.src, gradient.at(below))},
       {DNNL_ARG_SCRATCHPAD, at(made.backward_data.scratchpad_desc(), scratchpad_)}}};
}

}  // namespace sphereface
