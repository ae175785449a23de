// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/cpu_trunk.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/cpu/blocked_prelu.h"
#include "kernels/cpu/onednn.h"

namespace sphereface {
namespace {

using dnnl::memory;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

/// A reorder between two fixed places' layouts, plain or adding to what is there.
dnnl::reorder makeReorder(const dnnl::engine& engine, const memory::desc& from,
                          const memory::desc& to, bool add = false) {
  dnnl::primitive_attr attributes;
  if (add) {
    dnnl::post_ops sum;
    sum.append_sum(1.0F);
    attributes.set_post_ops(sum);
  }
  return dnnl::reorder(dnnl::reorder::primitive_desc(engine, from, engine, to, attributes));
}

/// One convolution layer with everything its passes touch.
struct Layer {
  ConvLayer shape;
  BlockedShape blocked;
  memory::desc plain_weights;
  memory pre;   // convolution's output; same memory as post when not training
  memory post;  // after PReLU and residual

  dnnl::convolution_forward forward;
  memory forward_weights;
  dnnl::reorder weights_to_forward;

  dnnl::convolution_backward_data backward_data;  // not in the first layer
  memory backward_weights;
  dnnl::reorder weights_to_backward;

  dnnl::convolution_backward_weights backward_parameters;
  memory weight_gradient;
  dnnl::reorder gradient_to_plain;
  dnnl::reorder gradient_add_to_plain;
};

}  // namespace

struct CpuTrunk::Plan {
  Network network;
  int batch;
  Type type;
  bool training;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};

  std::vector<Layer> layers;
  AlignedBuffer<uint8_t> arena;  // activations, then gradients of activations
  memory input;                  // plain, normalised
  // Backward's three buffers, each as large as the largest layer: the gradient coming down, the
  // gradient of the convolution's output, the residual branch's.
  std::array<void*, 3> gradient = {};
  AlignedBuffer<float> fc_input;  // [batch, fc_inputs], plain
  AlignedBuffer<float> d_fc_input;
  AlignedBuffer<float> padded_slope;    // one layer's, to whole blocks
  AlignedBuffer<float> slope_gradient;  // [batch, padded channels]
  AlignedBuffer<float> bias_gradient;   // one layer's
  dnnl::reorder to_fc_input;
  dnnl::reorder from_d_fc_input;

  memory::desc blockedDesc(const ConvLayer& c) const {
    return {{batch, c.out_channels, c.out_height, c.out_width},
            type,
            onednn::channelsPerBlock() == 16 ? Tag::nChw16c : Tag::nChw8c};
  }

  memory::desc inputDesc() const {
    return {{batch, network.channels, network.height, network.width}, type, Tag::nchw};
  }

  void run(dnnl::primitive& primitive, const std::unordered_map<int, memory>& arguments) {
    primitive.execute(stream, arguments);
  }

  memory plain(const memory::desc& desc, const float* at) const {
    return {desc, engine, const_cast<float*>(at)};
  }

  memory::desc biasDesc(const Layer& layer) const {
    return {{layer.shape.out_channels}, Type::f32, Tag::x};
  }

  void makeLayer(int index);
  void planMemory();

  const float* slopes(const Layer& layer, const float* parameters);
  template <class T>
  void forwardPrelu(int index, const float* slope);
  template <class T>
  void backwardPrelu(int index, const float* slope, bool skip, bool keep_total);
  template <class T>
  void normalize(const uint8_t* images);
};

void CpuTrunk::Plan::makeLayer(int index) {
  Layer& layer = layers[static_cast<size_t>(index)];
  const ConvLayer& c = layer.shape;
  const memory::dims weight_dims = {c.out_channels, c.in_channels, 3, 3};
  onednn::ConvDescription conv;
  conv.src = index == 0 ? inputDesc() : blockedDesc(network.convs[static_cast<size_t>(index) - 1]);
  conv.dst = blockedDesc(c);
  conv.weights = memory::desc(weight_dims, type, Tag::any);
  conv.stride = c.stride;
  const memory::desc bias = biasDesc(layer);
  layer.plain_weights = memory::desc(weight_dims, Type::f32, Tag::oihw);

  const auto forward = onednn::convForward(engine, conv, bias, training);
  layer.forward = dnnl::convolution_forward(forward);
  layer.forward_weights = memory(forward.weights_desc(), engine);
  layer.weights_to_forward = makeReorder(engine, layer.plain_weights, forward.weights_desc());
  if (!training) return;

  if (index > 0) {
    const auto data = onednn::convBackwardData(engine, conv, forward);
    layer.backward_data = dnnl::convolution_backward_data(data);
    layer.backward_weights = memory(data.weights_desc(), engine);
    layer.weights_to_backward = makeReorder(engine, layer.plain_weights, data.weights_desc());
  }
  conv.weights = memory::desc(weight_dims, Type::f32, Tag::any);
  const auto parameters =
      onednn::convBackwardWeights(engine, conv, c.train_bias ? bias : memory::desc(), forward);
  layer.backward_parameters = dnnl::convolution_backward_weights(parameters);
  layer.weight_gradient = memory(parameters.diff_weights_desc(), engine);
  layer.gradient_to_plain =
      makeReorder(engine, parameters.diff_weights_desc(), layer.plain_weights);
  layer.gradient_add_to_plain =
      makeReorder(engine, parameters.diff_weights_desc(), layer.plain_weights, true);
}

/// Lays out: input | training: pre, post of every layer, three gradients | otherwise: three
/// buffers, of which one is read, one is the residual branch, one is written.
void CpuTrunk::Plan::planMemory() {
  constexpr size_t kAlignment = 64;
  auto rounded = [](size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; };
  size_t largest = 0;
  size_t total = rounded(inputDesc().get_size());
  const size_t input_bytes = total;
  for (const Layer& layer : layers) {
    const size_t bytes = rounded(blockedDesc(layer.shape).get_size());
    largest = std::max(largest, bytes);
    if (training) total += 2 * bytes;
  }
  total += 3 * largest;
  arena = AlignedBuffer<uint8_t>(total);
  uint8_t* base = arena.data();
  input = memory(inputDesc(), engine, base);
  uint8_t* shared = base + (total - 3 * largest);
  for (size_t i = 0; i < 3; ++i)
    gradient[i] = shared + i * largest;

  uint8_t* next = base + input_bytes;
  // Which of the three shared buffers each layer's output is in (inference).
  std::vector<size_t> slot(layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    Layer& layer = layers[i];
    const memory::desc desc = blockedDesc(layer.shape);
    if (training) {
      layer.pre = memory(desc, engine, next);
      layer.post = memory(desc, engine, next + rounded(desc.get_size()));
      next += 2 * rounded(desc.get_size());
      continue;
    }
    // Outputs still needed: the previous layer's, and the one a residual of this layer or of a
    // later one still reads.
    std::array<bool, 3> taken = {};
    if (i > 0) taken[slot[i - 1]] = true;
    for (size_t later = i; later < layers.size(); ++later) {
      const int from = layers[later].shape.residual_from;
      if (from >= 0 && static_cast<size_t>(from) < i) taken[slot[static_cast<size_t>(from)]] = true;
    }
    slot[i] = static_cast<size_t>(std::find(taken.begin(), taken.end(), false) - taken.begin());
    layer.pre = memory(desc, engine, gradient.at(slot[i]));
    layer.post = layer.pre;
  }
}

CpuTrunk::CpuTrunk(const Network& network, int batch, Precision precision, bool training)
    : plan_(std::make_unique<Plan>()) {
  Plan& p = *plan_;
  p.network = network;
  p.batch = batch;
  p.type = precision == Precision::kBf16 ? Type::bf16 : Type::f32;
  p.training = training;
  const int lanes = onednn::channelsPerBlock();
  int widest = 0;
  for (const ConvLayer& shape : network.convs) {
    Layer layer;
    layer.shape = shape;
    layer.blocked = {batch, (shape.out_channels + lanes - 1) / lanes,
                     shape.out_height * shape.out_width, lanes};
    widest = std::max(widest, layer.blocked.paddedChannels());
    p.layers.push_back(std::move(layer));
  }
  p.planMemory();
  for (size_t i = 0; i < p.layers.size(); ++i)
    p.makeLayer(static_cast<int>(i));

  const auto rows = static_cast<size_t>(batch);
  const Layer& last = p.layers.back();
  const memory::desc plain(
      {batch, last.shape.out_channels, last.shape.out_height, last.shape.out_width}, Type::f32,
      Tag::nchw);
  p.fc_input = AlignedBuffer<float>(rows * network.fc_inputs);
  p.to_fc_input = makeReorder(p.engine, last.post.get_desc(), plain);
  p.padded_slope = AlignedBuffer<float>(static_cast<size_t>(widest));
  if (!training) return;
  p.d_fc_input = AlignedBuffer<float>(rows * network.fc_inputs);
  p.from_d_fc_input = makeReorder(p.engine, plain, last.post.get_desc());
  p.slope_gradient = AlignedBuffer<float>(rows * static_cast<size_t>(widest));
  p.bias_gradient = AlignedBuffer<float>(static_cast<size_t>(widest));
}

CpuTrunk::~CpuTrunk() = default;

// ----------------------------------------------------------------------------------------- forward

template <class T>
void CpuTrunk::Plan::normalize(const uint8_t* images) {
  const auto count = static_cast<ptrdiff_t>(network.imageBytes()) * batch;
  // 256 possible values, in the precision of the input.
  std::array<T, 256> table;
  for (size_t value = 0; value < table.size(); ++value) {
    const float normalized = (static_cast<float>(value) - network.mean) * network.scale;
    storeFloat(table[value], normalized);
  }
  auto* to = static_cast<T*>(input.get_data_handle());
#pragma omp parallel for
  for (ptrdiff_t i = 0; i < count; ++i)
    to[i] = table[images[i]];
}

const float* CpuTrunk::Plan::slopes(const Layer& layer, const float* parameters) {
  std::fill_n(padded_slope.data(), layer.blocked.paddedChannels(), 0.0F);
  std::copy_n(parameters + layer.shape.slope, layer.shape.out_channels, padded_slope.data());
  return padded_slope.data();
}

template <class T>
void CpuTrunk::Plan::forwardPrelu(int index, const float* slope) {
  const Layer& layer = layers[static_cast<size_t>(index)];
  const int from = layer.shape.residual_from;
  const auto* skip =
      from < 0 ? nullptr
               : static_cast<const T*>(layers[static_cast<size_t>(from)].post.get_data_handle());
  preluForward(layer.blocked, static_cast<const T*>(layer.pre.get_data_handle()), slope, skip,
               static_cast<T*>(layer.post.get_data_handle()));
}

void CpuTrunk::forward(const uint8_t* images, const float* parameters, float* embeddings) {
  Plan& p = *plan_;
  const bool bf16 = p.type == Type::bf16;
  if (bf16) {
    p.normalize<Bf16>(images);
  } else {
    p.normalize<float>(images);
  }
  for (size_t i = 0; i < p.layers.size(); ++i) {
    Layer& layer = p.layers[i];
    p.run(layer.weights_to_forward,
          {{DNNL_ARG_FROM, p.plain(layer.plain_weights, parameters + layer.shape.weight)},
           {DNNL_ARG_TO, layer.forward_weights}});
    p.run(layer.forward,
          {{DNNL_ARG_SRC, i == 0 ? p.input : p.layers[i - 1].post},
           {DNNL_ARG_WEIGHTS, layer.forward_weights},
           {DNNL_ARG_BIAS, p.plain(p.biasDesc(layer), parameters + layer.shape.bias)},
           {DNNL_ARG_DST, layer.pre}});
    const float* slope = p.slopes(layer, parameters);
    if (bf16) {
      p.forwardPrelu<Bf16>(static_cast<int>(i), slope);
    } else {
      p.forwardPrelu<float>(static_cast<int>(i), slope);
    }
  }
  Layer& last = p.layers.back();
  const memory::desc plain(
      {p.batch, last.shape.out_channels, last.shape.out_height, last.shape.out_width}, Type::f32,
      Tag::nchw);
  p.run(p.to_fc_input,
        {{DNNL_ARG_FROM, last.post}, {DNNL_ARG_TO, p.plain(plain, p.fc_input.data())}});
  const int dim = p.network.embedding;
  const auto inputs = static_cast<memory::dim>(p.network.fc_inputs);
  for (int row = 0; row < p.batch; ++row) {
    std::copy_n(parameters + p.network.fc_bias, dim,
                embeddings + static_cast<ptrdiff_t>(row) * dim);
  }
  onednn::gemm('N', 'T', p.batch, dim, inputs, p.fc_input.data(), inputs,
               parameters + p.network.fc_weight, inputs, 1.0F, embeddings, dim);
}

// ---------------------------------------------------------------------------------------- backward

/// Takes the gradient of a layer's output in gradient[0] (plus the residual branch's in gradient[2]
/// when `skip`) to the gradient of its convolution's output in gradient[1].
template <class T>
void CpuTrunk::Plan::backwardPrelu(int index, const float* slope, bool skip, bool keep_total) {
  const Layer& layer = layers[static_cast<size_t>(index)];
  auto* branch = static_cast<T*>(gradient[2]);
  preluBackward(layer.blocked, static_cast<const T*>(layer.pre.get_data_handle()), slope,
                static_cast<const T*>(gradient[0]), skip ? branch : nullptr,
                static_cast<T*>(gradient[1]), keep_total ? branch : nullptr, slope_gradient.data());
}

void CpuTrunk::backward(const float* d_embeddings, const float* parameters, float* gradients,
                        bool accumulate) {
  Plan& p = *plan_;
  const int dim = p.network.embedding;
  const auto inputs = static_cast<memory::dim>(p.network.fc_inputs);
  const float keep = accumulate ? 1.0F : 0.0F;

  onednn::gemm('T', 'N', dim, inputs, p.batch, d_embeddings, dim, p.fc_input.data(), inputs, keep,
               gradients + p.network.fc_weight, inputs);
  float* d_bias = gradients + p.network.fc_bias;
  if (!accumulate) std::fill_n(d_bias, dim, 0.0F);
  for (int row = 0; row < p.batch; ++row) {
    for (int k = 0; k < dim; ++k)
      d_bias[k] += d_embeddings[static_cast<ptrdiff_t>(row) * dim + k];
  }
  onednn::gemm('N', 'N', p.batch, inputs, dim, d_embeddings, dim, parameters + p.network.fc_weight,
               inputs, 0.0F, p.d_fc_input.data(), inputs);
  Layer& last = p.layers.back();
  const memory::desc plain(
      {p.batch, last.shape.out_channels, last.shape.out_height, last.shape.out_width}, Type::f32,
      Tag::nchw);
  p.run(p.from_d_fc_input, {{DNNL_ARG_FROM, p.plain(plain, p.d_fc_input.data())},
                            {DNNL_ARG_TO, memory(last.post.get_desc(), p.engine, p.gradient[0])}});

  // Layers whose output a later residual added, so that its gradient arrives by two ways.
  std::vector<bool> has_branch(p.layers.size());
  for (const Layer& layer : p.layers) {
    if (layer.shape.residual_from >= 0) {
      has_branch[static_cast<size_t>(layer.shape.residual_from)] = true;
    }
  }
  for (size_t i = p.layers.size(); i-- > 0;) {
    Layer& layer = p.layers[i];
    const ConvLayer& c = layer.shape;
    const float* slope = p.slopes(layer, parameters);
    const bool keep_total = c.residual_from >= 0;
    if (p.type == Type::bf16) {
      p.backwardPrelu<Bf16>(static_cast<int>(i), slope, has_branch[i], keep_total);
    } else {
      p.backwardPrelu<float>(static_cast<int>(i), slope, has_branch[i], keep_total);
    }
    float* d_slope = gradients + c.slope;
    if (!accumulate) std::fill_n(d_slope, c.out_channels, 0.0F);
    for (int image = 0; image < p.batch; ++image) {
      const float* from =
          p.slope_gradient.data() + static_cast<ptrdiff_t>(image) * layer.blocked.paddedChannels();
      for (int k = 0; k < c.out_channels; ++k)
        d_slope[k] += from[k];
    }

    const memory d_output(layer.post.get_desc(), p.engine, p.gradient[1]);
    std::unordered_map<int, memory> arguments = {
        {DNNL_ARG_SRC, i == 0 ? p.input : p.layers[i - 1].post},
        {DNNL_ARG_DIFF_DST, d_output},
        {DNNL_ARG_DIFF_WEIGHTS, layer.weight_gradient}};
    if (c.train_bias) {
      arguments.insert({DNNL_ARG_DIFF_BIAS, p.plain(p.biasDesc(layer), p.bias_gradient.data())});
    }
    p.run(layer.backward_parameters, arguments);
    p.run(accumulate ? layer.gradient_add_to_plain : layer.gradient_to_plain,
          {{DNNL_ARG_FROM, layer.weight_gradient},
           {DNNL_ARG_TO, p.plain(layer.plain_weights, gradients + c.weight)}});
    if (c.train_bias) {
      float* to = gradients + c.bias;
      for (int k = 0; k < c.out_channels; ++k) {
        to[k] = p.bias_gradient.data()[k] + (accumulate ? to[k] : 0.0F);
      }
    }
    if (i == 0) break;
    p.run(layer.weights_to_backward,
          {{DNNL_ARG_FROM, p.plain(layer.plain_weights, parameters + c.weight)},
           {DNNL_ARG_TO, layer.backward_weights}});
    p.run(layer.backward_data,
          {{DNNL_ARG_DIFF_DST, d_output},
           {DNNL_ARG_WEIGHTS, layer.backward_weights},
           {DNNL_ARG_DIFF_SRC, memory(p.layers[i - 1].post.get_desc(), p.engine, p.gradient[0])}});
  }
}

void CpuTrunk::copyActivation(int layer_index, float* to) const {
  Plan& p = *plan_;
  Layer& layer = p.layers.at(static_cast<size_t>(layer_index));
  const memory::desc plain(onednn::dimsOf(layer.post.get_desc()), Type::f32, Tag::nchw);
  dnnl::reorder unpack = makeReorder(p.engine, layer.post.get_desc(), plain);
  p.run(unpack, {{DNNL_ARG_FROM, layer.post}, {DNNL_ARG_TO, p.plain(plain, to)}});
}

}  // namespace sphereface
