// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "kernels/engine.h"

namespace sphereface {

/// Caffe's SGDSolver on one tensor of `count` floats, in its order of operations:
///   G += weight_decay W;  V = momentum V + rate G;  W -= V
/// `rate` and `weight_decay` already have the tensor's multipliers. G is left as it was.
/// Returns the sum of the squares of G.
double sgdUpdate(size_t count, float rate, float momentum, float weight_decay, float* parameters,
                 const float* gradients, float* velocity);

}  // namespace sphereface
