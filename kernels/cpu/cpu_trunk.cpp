// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/cpu_trunk.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "kernels/cpu/onednn.h"
#include "kernels/cpu/trunk_plan.h"

namespace sphereface {

using dnnl::memory;
using Type = dnnl::memory::data_type;

/// The plan with the passes' small steps.
struct CpuTrunk::Plan : TrunkPlan {
  using TrunkPlan::TrunkPlan;

  void run(const dnnl::primitive& primitive, const std::unordered_map<int, memory>& arguments) {
    primitive.execute(stream, arguments);
  }

  /// A parameter or gradient of the caller's arena as oneDNN's.
  memory plain(const memory::desc& desc, const float* at) const {
    return {desc, engine, const_cast<float*>(at)};
  }

  const float* slopes(const TrunkLayer& layer, const float* parameters);
  template <class T>
  void forwardPrelu(int index, const float* slope);
  template <class T>
  void backwardPrelu(int index, const float* slope, bool skip, bool keep_total);
  template <class T>
  void normalize(const uint8_t* images);
};

CpuTrunk::CpuTrunk(const Network& network, int batch, Precision precision, bool training)
    : plan_(std::make_unique<Plan>(network, batch, precision, training)) {}

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

const float* CpuTrunk::Plan::slopes(const TrunkLayer& layer, const float* parameters) {
  std::fill_n(padded_slope.data(), layer.blocked.paddedChannels(), 0.0F);
  std::copy_n(parameters + layer.shape.slope, layer.shape.out_channels, padded_slope.data());
  return padded_slope.data();
}

template <class T>
void CpuTrunk::Plan::forwardPrelu(int index, const float* slope) {
  const TrunkLayer& layer = layers[static_cast<size_t>(index)];
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
    TrunkLayer& layer = p.layers[i];
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
  TrunkLayer& last = p.layers.back();
  const memory::desc plain = p.plainOutputDesc(last);
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
  const TrunkLayer& layer = layers[static_cast<size_t>(index)];
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
  TrunkLayer& last = p.layers.back();
  const memory::desc plain = p.plainOutputDesc(last);
  p.run(p.from_d_fc_input, {{DNNL_ARG_FROM, p.plain(plain, p.d_fc_input.data())},
                            {DNNL_ARG_TO, memory(last.post.get_desc(), p.engine, p.gradient[0])}});

  // Layers whose output a later residual added, so that its gradient arrives by two ways.
  std::vector<bool> has_branch(p.layers.size());
  for (const TrunkLayer& layer : p.layers) {
    if (layer.shape.residual_from >= 0) {
      has_branch[static_cast<size_t>(layer.shape.residual_from)] = true;
    }
  }
  for (size_t i = p.layers.size(); i-- > 0;) {
    TrunkLayer& layer = p.layers[i];
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
  TrunkLayer& layer = p.layers.at(static_cast<size_t>(layer_index));
  const memory::desc plain = p.plainOutputDesc(layer);
  dnnl::reorder unpack = makeReorder(p.engine, layer.post.get_desc(), plain);
  p.run(unpack, {{DNNL_ARG_FROM, layer.post}, {DNNL_ARG_TO, p.plain(plain, to)}});
}

}  // namespace sphereface
