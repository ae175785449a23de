// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The network without its head on the CPU: oneDNN convolutions in one blocked layout from the first
// convolution's output to the last one's, our own PReLU + residual pass between them, all
// activations planned into one allocation when the trunk is made.
//
// Parameters stay in the plain layouts of network.h; each pass reorders a layer's weights to the
// layout its convolution wants, which costs a few bytes per weight against hundreds of
// multiply-adds.

#pragma once

#include <cstdint>
#include <memory>

#include "kernels/engine.h"

namespace sphereface {

class CpuTrunk {
 public:
  /// `training` keeps what backward needs; without it three activations are alive at a time.
  CpuTrunk(const Network& network, int batch, Precision precision, bool training);
  ~CpuTrunk();

  /// images [batch, channels, height, width] bytes; parameters: the arena;
  /// embeddings [batch, embedding].
  void forward(const uint8_t* images, const float* parameters, float* embeddings);

  /// Gradients of the parameters for the last forward's images, given d_embeddings
  /// [batch, embedding]; overwritten or, with `accumulate`, added to.
  /// requires: training; the same parameters as in that forward.
  void backward(const float* d_embeddings, const float* parameters, float* gradients,
                bool accumulate);

  /// Output of a convolution layer (after PReLU and residual) of the last forward, unpacked to
  /// [batch, channels, height, width]. For tests and tools. requires: training.
  void copyActivation(int layer, float* to) const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace sphereface
