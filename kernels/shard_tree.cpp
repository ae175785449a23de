// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/shard_tree.h"

#include <bit>

namespace sphereface {

size_t ShardTree::levelsFor(size_t shards) {
  return static_cast<size_t>(std::countr_zero(shards));
}

bool ShardTree::add(size_t shard, const GradientRange& range) {
  size_t level = 0;
  for (; (shard >> level & 1U) != 0; ++level)
    addKept(level, range);
  if (shard + 1 == shards_) return true;
  keep(level, range);
  return false;
}

}  // namespace sphereface
