// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/trunk_plan.h"

#include <algorithm>

#include "kernels/cpu/onednn.h"

namespace sphereface {
namespace {

using dnnl::memory;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

}  // namespace

dnnl::reorder makeReorder(const dnnl::engine& engine, const memory::desc& from,
                          const memory::desc& to, bool add) {
  dnnl::primitive_attr attributes;
  if (add) {
    dnnl::post_ops sum;
    sum.append_sum(1.0F);
    attributes.set_post_ops(sum);
  }
  return dnnl::reorder(dnnl::reorder::primitive_desc(engine, from, engine, to, attributes));
}

TrunkPlan::TrunkPlan(const Network& trunk_network, int images, Precision precision,
                     bool for_training)
    : network(trunk_network),
      batch(images),
      type(precision == Precision::kBf16 ? Type::bf16 : Type::f32),
      training(for_training) {
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
  planMemory();
  for (size_t i = 0; i < layers.size(); ++i)
    makeLayer(static_cast<int>(i));

  const auto rows = static_cast<size_t>(batch);
  const TrunkLayer& last = layers.back();
  const memory::desc plain = plainOutputDesc(last);
  fc_input = AlignedBuffer<float>(rows * network.fc_inputs);
  to_fc_input = makeReorder(engine, last.post.get_desc(), plain);
  padded_slope = AlignedBuffer<float>(static_cast<size_t>(widest));
  if (!training) return;
  d_fc_input = AlignedBuffer<float>(rows * network.fc_inputs);
  from_d_fc_input = makeReorder(engine, plain, last.post.get_desc());
  slope_gradient = AlignedBuffer<float>(rows * static_cast<size_t>(widest));
  bias_gradient = AlignedBuffer<float>(static_cast<size_t>(widest));
}

memory::desc TrunkPlan::blockedDesc(const ConvLayer& c) const {
  return {{batch, c.out_channels, c.out_height, c.out_width},
          type,
          onednn::channelsPerBlock() == 16 ? Tag::nChw16c : Tag::nChw8c};
}

memory::desc TrunkPlan::inputDesc() const {
  return {{batch, network.channels, network.height, network.width}, type, Tag::nchw};
}

memory::desc TrunkPlan::biasDesc(const TrunkLayer& layer) const {
  return {{layer.shape.out_channels}, Type::f32, Tag::x};
}

memory::desc TrunkPlan::plainOutputDesc(const TrunkLayer& layer) const {
  return {{batch, layer.shape.out_channels, layer.shape.out_height, layer.shape.out_width},
          Type::f32,
          Tag::nchw};
}

void TrunkPlan::makeLayer(int index) {
  TrunkLayer& layer = layers[static_cast<size_t>(index)];
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
void TrunkPlan::planMemory() {
  constexpr size_t kAlignment = 64;
  auto rounded = [](size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; };
  size_t largest = 0;
  size_t total = rounded(inputDesc().get_size());
  const size_t input_bytes = total;
  for (const TrunkLayer& layer : layers) {
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
    TrunkLayer& layer = layers[i];
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

}  // namespace sphereface
