// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/cpu_trunk.h"

#include <algorithm>
#include <array>
#include <exception>

#include "kernels/cpu/onednn.h"
#include "kernels/cpu/trunk_plan.h"

namespace sphereface {

using dnnl::memory;

constexpr int kFcColumns = 32;

/// The plan with the passes' small steps.
struct CpuTrunk::Plan : TrunkPlan {
  using TrunkPlan::TrunkPlan;

  const float* slopes(const TrunkLayer& layer);
  template <class T>
  void forwardPrelu(const TrunkLayer& layer);
  template <class T>
  void backwardPrelu(const TrunkLayer& layer);
  template <class T>
  void normalize(const uint8_t* images);
  void forwardFc(float* embeddings);
  void backwardFcParameters(const float* d_embeddings, bool accumulate);
  void backwardFcInput(const float* d_embeddings);
  void addSlopeGradient(const TrunkLayer& layer, bool accumulate);
};

CpuTrunk::CpuTrunk(const EngineOptions& options, const float* parameters, float* gradients)
    : plan_(std::make_unique<Plan>(options, parameters, gradients)) {}

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
  auto* to = static_cast<T*>(input);
#pragma omp parallel for
  for (ptrdiff_t i = 0; i < count; ++i)
    to[i] = table[images[i]];
}

const float* CpuTrunk::Plan::slopes(const TrunkLayer& layer) {
  std::fill_n(padded_slope.data(), layer.blocked.paddedChannels(), 0.0F);
  std::copy_n(parameters + layer.shape.slope, layer.shape.out_channels, padded_slope.data());
  return padded_slope.data();
}

template <class T>
void CpuTrunk::Plan::forwardPrelu(const TrunkLayer& layer) {
  const int from = layer.shape.residual_from;
  if (from < 0) {
    preluInPlace(layer.blocked, static_cast<T*>(layer.post), slopes(layer), layer.signs);
  } else {
    preluResidual(layer.blocked, static_cast<const T*>(layer.pre), slopes(layer),
                  static_cast<const T*>(layers[static_cast<size_t>(from)].post),
                  static_cast<T*>(layer.post));
  }
}

void CpuTrunk::Plan::forwardFc(float* embeddings) {
  to_fc_input(stream);
  const int dim = network.embedding;
  const auto inputs = static_cast<memory::dim>(network.fc_inputs);
  for (int row = 0; row < batch; ++row) {
    std::copy_n(parameters + network.fc_bias, dim, embeddings + static_cast<ptrdiff_t>(row) * dim);
  }
  // A run of columns by one thread each: with several threads oneDNN may add up parts of the depth,
  // and the last bits of a feature would depend on how many there are.
  std::exception_ptr failure;
#pragma omp parallel for
  for (int begin = 0; begin < dim; begin += kFcColumns) {
    try {
      onednn::gemm('N', 'T', batch, std::min(kFcColumns, dim - begin), inputs, fc_input.data(),
                   inputs, parameters + network.fc_weight + begin * inputs, inputs, 1.0F,
                   embeddings + begin, dim);
    } catch (...) {
#pragma omp critical
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

void CpuTrunk::forward(const uint8_t* images, float* embeddings) {
  Plan& p = *plan_;
  const bool bf16 = p.type == memory::data_type::bf16;
  bf16 ? p.normalize<Bf16>(images) : p.normalize<float>(images);
  for (const TrunkLayer& layer : p.layers) {
    layer.weights_to_forward(p.stream);
    layer.forward(p.stream);
    bf16 ? p.forwardPrelu<Bf16>(layer) : p.forwardPrelu<float>(layer);
  }
  p.forwardFc(embeddings);
}

// ---------------------------------------------------------------------------------------- backward

void CpuTrunk::Plan::backwardFcParameters(const float* d_embeddings, bool accumulate) {
  const int dim = network.embedding;
  const auto inputs = static_cast<memory::dim>(network.fc_inputs);
  onednn::gemm('T', 'N', dim, inputs, batch, d_embeddings, dim, fc_input.data(), inputs,
               accumulate ? 1.0F : 0.0F, gradients + network.fc_weight, inputs);
  float* d_bias = gradients + network.fc_bias;
  if (!accumulate) std::fill_n(d_bias, dim, 0.0F);
  for (int row = 0; row < batch; ++row) {
    for (int k = 0; k < dim; ++k)
      d_bias[k] += d_embeddings[static_cast<ptrdiff_t>(row) * dim + k];
  }
}

void CpuTrunk::Plan::backwardFcInput(const float* d_embeddings) {
  const int dim = network.embedding;
  const auto inputs = static_cast<memory::dim>(network.fc_inputs);
  onednn::gemm('N', 'N', batch, inputs, dim, d_embeddings, dim, parameters + network.fc_weight,
               inputs, 0.0F, d_fc_input.data(), inputs);
  from_d_fc_input(stream);
}

/// From the gradient of a layer's output to that of its convolution's output.
template <class T>
void CpuTrunk::Plan::backwardPrelu(const TrunkLayer& layer) {
  auto buffer = [this](int index) {
    return index < 0 ? nullptr : static_cast<T*>(gradient.at(static_cast<size_t>(index)));
  };
  const PreluState<T> state = {
      static_cast<const T*>(layer.signs == nullptr ? layer.pre : layer.post), layer.signs};
  preluBackward(layer.blocked, state, slopes(layer), buffer(layer.flow.grad),
                buffer(layer.flow.branch), buffer(layer.flow.dpre), slope_gradient.data());
}

void CpuTrunk::Plan::addSlopeGradient(const TrunkLayer& layer, bool accumulate) {
  const ConvLayer& c = layer.shape;
  float* d_slope = gradients + c.slope;
  if (!accumulate) std::fill_n(d_slope, c.out_channels, 0.0F);
  for (int image = 0; image < batch; ++image) {
    const float* from =
        slope_gradient.data() + static_cast<ptrdiff_t>(image) * layer.blocked.paddedChannels();
    for (int k = 0; k < c.out_channels; ++k)
      d_slope[k] += from[k];
  }
}

void CpuTrunk::backward(const float* d_embeddings, bool accumulate,
                        const std::function<void(size_t)>& ready) {
  Plan& p = *plan_;
  p.backwardFcParameters(d_embeddings, accumulate);
  ready(p.network.fc_bias + static_cast<size_t>(p.network.embedding));
  p.backwardFcInput(d_embeddings);
  for (size_t i = p.layers.size(); i-- > 0;) {
    const TrunkLayer& layer = p.layers[i];
    const ConvLayer& c = layer.shape;
    p.type == memory::data_type::bf16 ? p.backwardPrelu<Bf16>(layer)
                                      : p.backwardPrelu<float>(layer);
    p.addSlopeGradient(layer, accumulate);
    layer.backward_parameters(p.stream);
    (accumulate ? layer.gradient_add_to_plain : layer.gradient_to_plain)(p.stream);
    if (c.train_bias) {
      float* to = p.gradients + c.bias;
      for (int k = 0; k < c.out_channels; ++k) {
        to[k] = p.bias_gradient.data()[k] + (accumulate ? to[k] : 0.0F);
      }
    }
    ready(c.bias + static_cast<size_t>(c.out_channels));
    if (i == 0) break;
    layer.weights_to_backward(p.stream);
    layer.backward_data(p.stream);
  }
}

// ------------------------------------------------------------------------------------------- tools

void CpuTrunk::copyActivation(int layer_index, float* to) const {
  const Plan& p = *plan_;
  const TrunkLayer& layer = p.layers.at(static_cast<size_t>(layer_index));
  memory from(p.blockedDesc(layer.shape), p.engine, layer.post);
  memory plain(p.plainOutputDesc(layer.shape), p.engine, to);
  dnnl::stream stream = p.stream;
  dnnl::reorder(from, plain).execute(stream, from, plain);
  stream.wait();
}

std::string CpuTrunk::algorithms() const {
  return printAlgorithms(plan_->algorithms);
}

const std::vector<std::string>& CpuTrunk::notes() const {
  return plan_->notes;
}

size_t CpuTrunk::bytes() const {
  const Plan& p = *plan_;
  return p.arena.size() +
         sizeof(float) * (p.fc_input.size() + p.d_fc_input.size() + p.padded_slope.size() +
                          p.slope_gradient.size() + p.bias_gradient.size());
}

}  // namespace sphereface
