// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The gradients of this worker's virtual shards, added in the order of a binary tree: of shards 0
// to 3, (0+1)+(2+3). With a tree over the workers on top (worker/all_reduce.h) the sum over all
// shards has the same bits whether 1, 2, 4, ... workers share them.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"

namespace sphereface {

/// Shards come one after the other, each in ranges. Like a binary counter: a sum over 2^k shards
/// waits on level k until the next such sum has come.
class ShardTree {
 public:
  /// `shards`: a power of two; `count`: gradients of a shard. Keeps log2(shards) times as many
  /// floats.
  ShardTree(size_t shards, size_t count);

  /// Adds shard `shard`'s gradients that lie at `position` of all of them. Of the last shard
  /// `values` then hold the sum over all, and the answer is true.
  /// requires: of every earlier shard the same range was added.
  bool add(size_t shard, size_t position, std::span<float> values);

 private:
  size_t shards_;
  std::vector<AlignedBuffer<float>> levels_;
};

}  // namespace sphereface
