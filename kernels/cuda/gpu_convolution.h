// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A 3x3 convolution with padding 1 on the GPU (cuDNN). Tensors are packed NHWC, filters
// [out, 3, 3, in], all of the same type, arithmetic in fp32; channels are whole packs.

#pragma once

#include <cstddef>
#include <memory>

#include "kernels/cuda/gpu_context.h"
#include "kernels/engine.h"

namespace sphereface {

struct GpuConvolutionShape {
  int batch = 0;
  int in_channels = 0;
  int out_channels = 0;
  int in_height = 0;
  int in_width = 0;
  int out_height = 0;
  int out_width = 0;
  int stride = 1;
  Precision precision = Precision::kFp32;
  bool training = false;            // has a gradient of the filter
  bool with_backward_data = false;  // has a gradient of the input
  bool same_bits = false;           // the same algorithms and result in every run

  bool operator==(const GpuConvolutionShape&) const = default;
};

/// Copies share what was chosen.
class GpuConvolution {
 public:
  /// Chooses algorithms; without same_bits by a short measurement. errors: Error when the library
  /// has none for the shape.
  GpuConvolution(const GpuContext& context, const GpuConvolutionShape& shape);

  /// Bytes that any of the passes wants as `workspace`.
  size_t workspaceBytes() const;

  void forward(const void* x, const void* w, void* y, void* workspace) const;
  void backwardData(const void* dy, const void* w, void* dx, void* workspace) const;
  void backwardFilter(const void* x, const void* dy, void* dw, void* workspace) const;

 private:
  struct Plans;
  std::shared_ptr<Plans> plans_;
};

}  // namespace sphereface
