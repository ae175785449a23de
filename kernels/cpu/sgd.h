// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "kernels/engine.h"

namespace sphereface {

/// Caffe's SGDSolver on one tensor of `count` floats, in its order of operations:
///   G = scale G + weight_decay W;  V = momentum V + rate G;  W -= V
/// `rate` and `weight_decay` already have the tensor's multipliers; `scale` is 1 or, to clip the
/// gradient, less. The caller's G is left as it was. Returns the sum of its squares, unscaled.
double sgdUpdate(size_t count, float rate, float momentum, float weight_decay, float scale,
                 float* parameters, const float* gradients, float* velocity);

/// Sum of the squares of `count` floats, the same for every number of threads.
double sumOfSquares(size_t count, const float* values);

}  // namespace sphereface
