// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The network of kernels/network.h in double precision, one plain loop nest per operation: what the
// fast backends are tested against. Itself tested by finite differences.

#pragma once

#include <cstdint>
#include <vector>

#include "kernels/network.h"

namespace sphereface::reference {

struct TrunkState {
  std::vector<double> input;              // [batch, channels, height, width], normalised
  std::vector<std::vector<double>> pre;   // each layer's convolution output
  std::vector<std::vector<double>> post;  // after PReLU and residual
  std::vector<double> embeddings;         // [batch, embedding]
};

TrunkState forward(const Network& network, const std::vector<uint8_t>& images,
                   const std::vector<double>& parameters, int batch);

/// Gradients of all parameters, in arena order; biases that aren't trained get zero.
std::vector<double> backward(const Network& network, const TrunkState& state,
                             const std::vector<double>& d_embeddings,
                             const std::vector<double>& parameters, int batch);

}  // namespace sphereface::reference
