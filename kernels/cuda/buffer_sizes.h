// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How large a GPU engine's buffers are, for it and for whoever plans a run without a GPU.

#pragma once

#include <cstddef>
#include <vector>

#include "kernels/engine.h"

namespace sphereface {

/// Elements of the network's buffers, of `element_bytes` each; every buffer is a whole number of
/// 256 bytes, so that the next one begins where an allocation of its own would.
struct TrunkBuffers {
  size_t input = 0;
  size_t shared = 0;            // each of kSharedBuffers: the largest output
  std::vector<size_t> outputs;  // by layer
  std::vector<size_t> filters;  // by layer, packed
  size_t fc = 0;                // its weights, packed

  /// The input, the shared ones and, in training, each layer's output before and after its PReLU.
  size_t activations(bool training) const;
  size_t weights() const;
  size_t largestFilter() const;
};
TrunkBuffers trunkBuffers(const Network& network, int batch, size_t element_bytes);

/// How the head of options.batch images takes its classes.
struct HeadBlocks {
  int classes = 0;     // of a block: all, unless it is streaming
  bool plain = false;  // the products take W itself, not a packed copy
};
HeadBlocks headBlocks(const EngineOptions& options);

/// What memory() of an engine with these options would be, but for cuDNN's workspace and buffers
/// that don't matter beside the others. images: of all ranks, where the classes are spread.
EngineMemory gpuMemory(const EngineOptions& options, int images);

}  // namespace sphereface
