// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/shard_tree.h"

namespace sphereface {

class CpuShardTree final : public ShardTree {
 public:
  /// trunk, head: gradients of the arenas.
  CpuShardTree(size_t shards, size_t trunk, size_t head);

 private:
  void addKept(size_t level, const GradientRange& range) override;
  void keep(size_t level, const GradientRange& range) override;
  float* kept(size_t level, const GradientRange& range);

  size_t trunk_;
  std::vector<AlignedBuffer<float>> levels_;  // the network's gradients, then the head's
};

}  // namespace sphereface
