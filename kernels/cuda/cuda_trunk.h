// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The network without its head on the GPU: NHWC activations with channels in whole packs, cuDNN
// convolutions, and between them one pass of our own for bias, PReLU and residual.
//
// Parameters stay fp32 in the plain layouts of network.h; a forward packs each layer's weights into
// T [out, taps, in], and backward unpacks their gradients, at 6 bytes a weight each way. All memory
// is planned when the trunk is made.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/activation_buffers.h"
#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/gpu_convolution.h"
#include "kernels/cuda/gpu_matrix_product.h"
#include "kernels/cuda/layer_kernels.h"
#include "kernels/cuda/stream_marks.h"
#include "kernels/engine.h"

namespace sphereface {

/// T: of activations and packed weights, float or Bf16. All pointers are to the GPU's memory; all
/// work is put on the context's stream.
template <class T>
class CudaTrunk {
 public:
  /// Of the options, network, batch, precision and the convolutions' algorithms count. Without
  /// gradients the trunk only embeds, with three activations alive at a time.
  CudaTrunk(const GpuContext& context, const EngineOptions& options, const float* parameters,
            float* gradients);

  /// images [batch, channels, height, width] bytes, embeddings [batch, embedding].
  void forward(const uint8_t* images, float* embeddings);

  /// As CpuTrunk::backward.
  void backward(const float* d_embeddings, bool accumulate);

  /// After `mark` in a backward's work the first `count` gradients are final.
  struct FinalPart {
    size_t count = 0;
    cudaEvent_t mark = nullptr;
  };
  /// In the order of backward, the last one's count being that of all gradients.
  const std::vector<FinalPart>& finalParts() const { return final_parts_; }

  size_t bytes() const;

 private:
  struct Layer {
    ConvLayer shape;
    ChannelShape output;
    FilterShape filter;
    GpuConvolution convolution;
    T* z = nullptr;     // convolution's output
    T* post = nullptr;  // after PReLU and residual
    T* weights = nullptr;
    GradientFlow flow;
  };

  void planMemory();
  void listFinalParts();
  void backwardLayer(size_t index, bool accumulate);
  T* gradientBuffer(int index) const {
    return index < 0 ? nullptr : gradient_.at(static_cast<size_t>(index));
  }

  const GpuContext& context_;
  Network network_;
  int batch_;
  const float* parameters_;
  float* gradients_;
  std::vector<Layer> layers_;
  FilterShape fc_;
  GpuMatrixProduct fc_forward_;
  // Of training.
  std::vector<GpuMatrixProduct> fc_backward_;  // of the weights, of the input
  DeviceBuffer<T> activations_;                // and the gradients of some
  DeviceBuffer<T> weights_;
  DeviceBuffer<uint8_t> workspace_;
  DeviceBuffer<T> d_filter_;
  DeviceBuffer<float> d_fc_;
  DeviceBuffer<T> d_embeddings_;
  DeviceBuffer<float> sums_;
  T* input_ = nullptr;
  T* fc_weights_ = nullptr;
  std::array<T*, kSharedBuffers> gradient_ = {};
  StreamMarks final_;  // of the fc layer's gradients, then, from the last, of the others'
  std::vector<FinalPart> final_parts_;
};

}  // namespace sphereface
