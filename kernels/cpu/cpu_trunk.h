// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The network without its head on the CPU: oneDNN convolutions in one blocked layout from the first
// convolution's output to the last one's, our own PReLU + residual pass between them, all memory
// planned into one allocation when the trunk is made.
//
// Parameters stay in the plain layouts of network.h; each pass reorders a layer's weights to the
// layout its convolution wants, which costs a few bytes per weight against hundreds of
// multiply-adds.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/engine.h"

namespace sphereface {

class CpuTrunk {
 public:
  /// Of the options, network, batch, precision and the convolutions' algorithms count.
  /// parameters, gradients: arenas of network.parameter_count floats that the passes read and
  /// write; they must outlive the trunk. Without gradients the trunk only embeds, with three
  /// activations alive at a time.
  CpuTrunk(const EngineOptions& options, const float* parameters, float* gradients);
  ~CpuTrunk();

  /// images [batch, channels, height, width] bytes; embeddings [batch, embedding].
  void forward(const uint8_t* images, float* embeddings);

  /// Gradients of the parameters for the last forward's images, given d_embeddings
  /// [batch, embedding]; overwritten or, with `accumulate`, added to. `ready(n)`: the first n of
  /// the arena's gradients are final.
  /// requires: gradients; the same parameters as in that forward.
  void backward(const float* d_embeddings, bool accumulate,
                const std::function<void(size_t)>& ready);

  /// Output of a convolution layer (after PReLU and residual) of the last forward, unpacked to
  /// [batch, channels, height, width]. For tests and tools. requires: gradients.
  void copyActivation(int layer, float* to) const;

  /// As in EngineOptions::convolution_algorithms.
  std::string algorithms() const;

  /// As Engine::notes.
  const std::vector<std::string>& notes() const;

  /// Memory allocated for activations and workspace.
  size_t bytes() const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace sphereface
