// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/cpu_shard_tree.h"

#include <algorithm>

namespace sphereface {

CpuShardTree::CpuShardTree(size_t shards, size_t trunk, size_t head)
    : ShardTree(shards), trunk_(trunk) {
  for (size_t level = 0; level < levels(); ++level)
    levels_.emplace_back(trunk + head);
}

float* CpuShardTree::kept(size_t level, const GradientRange& range) {
  return levels_[level].data() + (range.of_head ? trunk_ : 0) + range.begin;
}

void CpuShardTree::addKept(size_t level, const GradientRange& range) {
  const float* const earlier = kept(level, range);
  for (size_t k = 0; k < range.values.size(); ++k)
    range.values[k] = earlier[k] + range.values[k];
}

void CpuShardTree::keep(size_t level, const GradientRange& range) {
  std::copy(range.values.begin(), range.values.end(), kept(level, range));
}

}  // namespace sphereface
