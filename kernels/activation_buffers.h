// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Which shared buffers a network's activations are in, in inference, and their gradients, in
// backward.

#pragma once

#include <vector>

#include "kernels/network.h"

namespace sphereface {

/// Buffers that are enough, of the size of the largest activation.
constexpr int kSharedBuffers = 3;

/// In which buffer each layer's output is, when only outputs that are still needed are kept.
/// requires: residual units aren't inside each other.
std::vector<int> planOutputs(const Network& network);

/// Which of them hold, at one layer, the gradient of its output, that of its convolution's output,
/// and the residual branch's: read or (in a residual layer) left for later (-1: none).
struct GradientFlow {
  int grad = 0;
  int dpre = 0;
  int branch = -1;
};

/// By layer. errors: Error when a residual unit ends inside another.
std::vector<GradientFlow> planGradients(const Network& network);

}  // namespace sphereface
