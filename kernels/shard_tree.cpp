// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/shard_tree.h"

#include <algorithm>
#include <bit>

namespace sphereface {

ShardTree::ShardTree(size_t shards, size_t count) : shards_(shards) {
  for (int level = 0; level < std::countr_zero(shards); ++level)
    levels_.emplace_back(count);
}

bool ShardTree::add(size_t shard, size_t position, std::span<float> values) {
  size_t level = 0;
  for (; (shard >> level & 1U) != 0; ++level) {
    const float* earlier = levels_[level].data() + position;
    for (size_t k = 0; k < values.size(); ++k)
      values[k] = earlier[k] + values[k];
  }
  if (shard + 1 == shards_) return true;
  std::copy(values.begin(), values.end(), levels_[level].data() + position);
  return false;
}

}  // namespace sphereface
