// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Backward's way through a network: which buffers the gradients of activations are in.

#pragma once

#include <vector>

#include "kernels/network.h"

namespace sphereface {

/// Buffers that are enough for any network of planGradientFlow.
constexpr int kGradientBuffers = 3;

/// Which of them hold, at one layer, the gradient of its output, that of its convolution's output,
/// and the residual branch's: read or (in a residual layer) left for later (-1: none).
struct GradientFlow {
  int grad = 0;
  int dpre = 0;
  int branch = -1;
};

/// By layer. errors: Error when a residual unit ends inside another.
std::vector<GradientFlow> planGradientFlow(const Network& network);

}  // namespace sphereface
