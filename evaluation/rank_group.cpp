// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/rank_group.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"

namespace sphereface {

void RankGroup::sum(std::span<uint64_t> /*values*/) {}

std::vector<std::string> RankGroup::gather(std::string bytes) {
  std::vector<std::string> all;
  all.push_back(std::move(bytes));
  return all;
}

size_t threadsOf(const RankGroup& ranks, size_t asked) {
  return asked > 0 ? asked : std::max<size_t>(1, availableThreads() / ranks.onHost());
}

}  // namespace sphereface
