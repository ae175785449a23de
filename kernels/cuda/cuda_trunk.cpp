// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_trunk.h"

#include <algorithm>
#include <utility>

#include "kernels/cuda/buffer_sizes.h"

namespace sphereface {
namespace {

constexpr int kTaps = 9;

/// Elements of a convolution's input, in whole packs.
int paddedInput(const ConvLayer& c) {
  return paddedToPacks(c.in_channels);
}

GpuConvolutionShape convolutionShape(const EngineOptions& options, const ConvLayer& c,
                                     bool training, bool with_backward_data) {
  GpuConvolutionShape shape;
  shape.batch = options.batch;
  shape.in_channels = paddedInput(c);
  shape.out_channels = paddedToPacks(c.out_channels);
  shape.in_height = c.in_height;
  shape.in_width = c.in_width;
  shape.out_height = c.out_height;
  shape.out_width = c.out_width;
  shape.stride = c.stride;
  shape.precision = options.precision;
  shape.training = training;
  shape.with_backward_data = with_backward_data;
  shape.same_bits = options.convolution == Convolution::kDirect;
  return shape;
}

ChannelShape outputShape(int batch, const ConvLayer& c) {
  return {static_cast<size_t>(batch) * static_cast<size_t>(c.out_height) *
              static_cast<size_t>(c.out_width),
          c.out_channels};
}

FilterShape fcShape(const Network& network) {
  const ConvLayer& last = network.convs.back();
  return {network.embedding, last.out_channels, last.out_height * last.out_width};
}

size_t rowOf(const FilterShape& fc) {
  return fc.packedCount() / static_cast<size_t>(fc.out);
}

MatrixProductShape fcForward(const EngineOptions& options) {
  const FilterShape fc = fcShape(options.network);
  MatrixProductShape shape;
  shape.rows = options.batch;
  shape.columns = fc.out;
  shape.depth = static_cast<int>(rowOf(fc));
  shape.pitch_a = rowOf(fc);
  shape.transpose_b = true;
  shape.pitch_b = rowOf(fc);
  shape.pitch_c = static_cast<size_t>(fc.out);
  shape.precision = options.precision;
  return shape;
}

MatrixProductShape fcBackwardInput(const EngineOptions& options) {
  const FilterShape fc = fcShape(options.network);
  MatrixProductShape shape;
  shape.rows = options.batch;
  shape.columns = static_cast<int>(rowOf(fc));
  shape.depth = fc.out;
  shape.pitch_a = static_cast<size_t>(paddedToPacks(fc.out));
  shape.pitch_b = rowOf(fc);
  shape.pitch_c = rowOf(fc);
  shape.precision = options.precision;
  shape.fp32_result = false;
  return shape;
}

MatrixProductShape fcBackwardWeights(const EngineOptions& options) {
  MatrixProductShape shape = fcBackwardInput(options);
  std::swap(shape.rows, shape.depth);
  shape.transpose_a = true;
  shape.fp32_result = true;
  return shape;
}

}  // namespace

template <class T>
CudaTrunk<T>::CudaTrunk(const GpuContext& context, const EngineOptions& options,
                        const float* parameters, float* gradients)
    : context_(context),
      network_(options.network),
      batch_(options.batch),
      parameters_(parameters),
      gradients_(gradients),
      fc_(fcShape(options.network)),
      fc_forward_(context, fcForward(options)),
      final_(gradients != nullptr ? 1 + network_.convs.size() : 0) {
  const bool training = gradients != nullptr;
  if (network_.channels > kPack) {
    throw Error(concat("network ", network_.name, ": images of ", network_.channels,
                       " channels; on a GPU there can be ", kPack));
  }
  size_t workspace = 0;
  std::vector<GpuConvolutionShape> shapes;
  for (size_t i = 0; i < network_.convs.size(); ++i) {
    const ConvLayer& c = network_.convs[i];
    shapes.push_back(convolutionShape(options, c, training, i > 0));
    const auto alike =
        static_cast<size_t>(std::ranges::find(shapes, shapes.back()) - shapes.begin());
    layers_.push_back(
        {c,
         outputShape(batch_, c),
         {c.out_channels, c.in_channels, kTaps},
         alike < i ? layers_[alike].convolution : GpuConvolution(context, shapes.back()),
         nullptr,
         nullptr,
         nullptr,
         {}});
    workspace = std::max(workspace, layers_.back().convolution.workspaceBytes());
  }
  workspace_ = DeviceBuffer<uint8_t>(workspace);
  planMemory();
  if (!training) return;
  listFinalParts();
  fc_backward_.emplace_back(context, fcBackwardWeights(options));
  fc_backward_.emplace_back(context, fcBackwardInput(options));
}

/// Input, every layer's two outputs and the gradients of activations; or the input and three
/// activations. Then all weights.
template <class T>
void CudaTrunk<T>::planMemory() {
  const bool training = gradients_ != nullptr;
  const TrunkBuffers sizes = trunkBuffers(network_, batch_, sizeof(T));
  activations_ = DeviceBuffer<T>(sizes.activations(training));
  weights_ = DeviceBuffer<T>(sizes.weights());
  input_ = activations_.data();
  T* next = input_ + sizes.input;
  for (T*& buffer : gradient_) {
    buffer = next;
    next += sizes.shared;
  }
  fc_weights_ = weights_.data();
  T* next_weights = fc_weights_ + sizes.fc;
  const std::vector<int> slots = planOutputs(network_);
  size_t sums = sumRowsScratch(static_cast<size_t>(batch_), network_.embedding);
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    sums = std::max(sums, preluBackwardScratch(layer.output));
    layer.weights = next_weights;
    next_weights += sizes.filters[i];
    if (training) {
      layer.z = next;
      layer.post = next + sizes.outputs[i];
      next += 2 * sizes.outputs[i];
    } else {
      layer.z = layer.post = gradientBuffer(slots[i]);
    }
  }
  if (!training) return;
  const std::vector<GradientFlow> flow = planGradients(network_);
  for (size_t i = 0; i < layers_.size(); ++i)
    layers_[i].flow = flow[i];
  d_filter_ = DeviceBuffer<T>(sizes.largestFilter());
  d_fc_ = DeviceBuffer<float>(fc_.packedCount());
  d_embeddings_ = DeviceBuffer<T>(static_cast<size_t>(batch_) *
                                  static_cast<size_t>(paddedToPacks(network_.embedding)));
  sums_ = DeviceBuffer<float>(sums);
}

template <class T>
void CudaTrunk<T>::listFinalParts() {
  const auto add = [&](size_t count) {
    final_parts_.push_back({count, final_.at(final_parts_.size())});
  };
  add(network_.fc_bias + static_cast<size_t>(network_.embedding));
  for (size_t i = layers_.size(); i-- > 0;) {
    const ConvLayer& c = layers_[i].shape;
    add(c.bias + static_cast<size_t>(c.out_channels));
  }
}

template <class T>
void CudaTrunk<T>::forward(const uint8_t* images, float* embeddings) {
  const cudaStream_t stream = context_.stream();
  normalizeImages(images, batch_, network_.channels, network_.height * network_.width,
                  network_.mean, network_.scale, input_, stream);
  const T* below = input_;
  for (const Layer& layer : layers_) {
    packFilter(layer.filter, parameters_ + layer.shape.weight, layer.weights, stream);
    layer.convolution.forward(below, layer.weights, layer.z, workspace_.data());
    const int from = layer.shape.residual_from;
    preluForward(layer.output, layer.z, parameters_ + layer.shape.bias,
                 parameters_ + layer.shape.slope,
                 from < 0 ? nullptr : layers_[static_cast<size_t>(from)].post, layer.post, stream);
    below = layer.post;
  }
  packFilter(fc_, parameters_ + network_.fc_weight, fc_weights_, stream);
  fillRows(static_cast<size_t>(batch_), network_.embedding, parameters_ + network_.fc_bias,
           embeddings, stream);
  fc_forward_.run(below, fc_weights_, embeddings, true);
}

template <class T>
void CudaTrunk<T>::backward(const float* d_embeddings, bool accumulate) {
  const cudaStream_t stream = context_.stream();
  const auto rows = static_cast<size_t>(batch_);
  const Layer& last = layers_.back();
  convertRows(rows, network_.embedding, d_embeddings, d_embeddings_.data(), stream);
  fc_backward_[0].run(d_embeddings_.data(), last.post, d_fc_.data());
  unpackFilter(fc_, d_fc_.data(), gradients_ + network_.fc_weight, accumulate, stream);
  sumRows(rows, network_.embedding, d_embeddings, accumulate, gradients_ + network_.fc_bias,
          sums_.data(), stream);
  size_t part = 0;
  final_.set(part++, stream);
  fc_backward_[1].run(d_embeddings_.data(), fc_weights_, gradientBuffer(last.flow.grad));
  for (size_t i = layers_.size(); i-- > 0;) {
    backwardLayer(i, accumulate);
    final_.set(part++, stream);
    if (i == 0) break;
    layers_[i].convolution.backwardData(gradientBuffer(layers_[i].flow.dpre), layers_[i].weights,
                                        gradientBuffer(layers_[i - 1].flow.grad),
                                        workspace_.data());
  }
}

/// From the gradient of a layer's output to those of its parameters.
template <class T>
void CudaTrunk<T>::backwardLayer(size_t index, bool accumulate) {
  const cudaStream_t stream = context_.stream();
  const Layer& layer = layers_[index];
  const ConvLayer& c = layer.shape;
  T* const dpre = gradientBuffer(layer.flow.dpre);
  PreluGradients gradients;
  gradients.d_slope = gradients_ + c.slope;
  gradients.d_bias = c.train_bias ? gradients_ + c.bias : nullptr;
  gradients.accumulate = accumulate;
  // A residual layer's own skip needs the sum later.
  preluBackward(layer.output, layer.z, parameters_ + c.bias, parameters_ + c.slope,
                gradientBuffer(layer.flow.grad), gradientBuffer(layer.flow.branch),
                c.residual_from >= 0, dpre, gradients, sums_.data(), stream);
  layer.convolution.backwardFilter(index == 0 ? input_ : layers_[index - 1].post, dpre,
                                   d_filter_.data(), workspace_.data());
  unpackFilter(layer.filter, d_filter_.data(), gradients_ + c.weight, accumulate, stream);
}

template <class T>
size_t CudaTrunk<T>::bytes() const {
  return activations_.bytes() + weights_.bytes() + workspace_.bytes() + d_filter_.bytes() +
         d_fc_.bytes() + d_embeddings_.bytes() + sums_.bytes();
}

template class CudaTrunk<float>;
template class CudaTrunk<Bf16>;

}  // namespace sphereface
