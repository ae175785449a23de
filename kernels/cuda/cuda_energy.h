// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/gpu_context.h"
#include "kernels/head_formulas.h"

namespace sphereface {

/// The head's term of SphereFace+ (kernels/head.h, mhe_weight) on the GPU.
class CudaEnergy {
 public:
  /// errors: Error when `dim` is too large.
  CudaEnergy(const GpuContext& context, int images, int dim, double mhe_weight);

  /// [images, dim]: of each label here its row of W, zeros elsewhere; where classes are spread over
  /// ranks, their sum over them is what add() wants there.
  std::span<float> rowsOf(const int32_t* labels, const ClassRows& classes) const;

  /// Adds to the gradients of the classes, and to the stats this rank's share. `all_labels` tells
  /// which images have a class in common, `labels` where it is in the range. Of the rule, on the
  /// GPU, loss_scale counts. requires: rows of unit length.
  void add(const int32_t* all_labels, const int32_t* labels, const ClassRows& classes,
           const HeadRule* rule, HeadStats* stats) const;

  size_t bytes() const { return rows_.bytes() + present_.bytes() + energies_.bytes(); }

 private:
  const GpuContext& context_;
  int images_;
  int dim_;
  double of_images_;  // mhe_weight * images
  DeviceBuffer<float> rows_;
  DeviceBuffer<int32_t> present_;
  DeviceBuffer<double> energies_;
};

}  // namespace sphereface
