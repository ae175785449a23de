// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The gradients of a worker's virtual shards, added in the order of a binary tree: of shards 0 to
// 3, (0+1)+(2+3). With a tree over the workers on top (worker/all_reduce.h,
// kernels/device_reduction.h) the sum over all shards has the same bits whether 1, 2, 4, ...
// workers share them.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sphereface {

/// A range of one of an engine's arenas' gradients.
struct GradientRange {
  bool of_head = false;
  size_t begin = 0;  // in the arena
  std::span<float> values;
};

/// Shards come one after the other, each in ranges. Like a binary counter: a sum over 2^k shards
/// waits on level k until the next such sum has come.
class ShardTree {
 public:
  /// `shards`: a power of two.
  explicit ShardTree(size_t shards) : shards_(shards) {}
  virtual ~ShardTree() = default;

  /// Levels with room for a shard's gradients each.
  static size_t levelsFor(size_t shards);

  /// Adds a range of shard `shard`'s gradients. Of the last shard its values then are the sum over
  /// all, and the answer is true. requires: of every earlier shard the same range was added.
  bool add(size_t shard, const GradientRange& range);

 protected:
  size_t levels() const { return levelsFor(shards_); }

 private:
  /// range.values = what is kept on the level + range.values.
  virtual void addKept(size_t level, const GradientRange& range) = 0;
  virtual void keep(size_t level, const GradientRange& range) = 0;

  size_t shards_;
};

/// What is kept, in Buffers of floats of the device that has the gradients.
template <class Buffer>
class ShardTreeIn : public ShardTree {
 public:
  /// trunk, head: gradients of the arenas.
  ShardTreeIn(size_t shards, size_t trunk, size_t head) : ShardTree(shards), trunk_(trunk) {
    for (size_t level = 0; level < levels(); ++level)
      levels_.emplace_back(trunk + head);
  }

 protected:
  float* kept(size_t level, const GradientRange& range) {
    return levels_[level].data() + (range.of_head ? trunk_ : 0) + range.begin;
  }

 private:
  size_t trunk_;
  std::vector<Buffer> levels_;  // the network's gradients, then the head's
};

}  // namespace sphereface
