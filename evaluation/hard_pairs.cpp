// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/hard_pairs.h"

#include <algorithm>
#include <cmath>

namespace sphereface {

HardPairs hardPairs(const LfwResult& result, const PairList& list) {
  HardPairs hard;
  for (size_t i = 0; i < list.pairs.size(); ++i) {
    const double threshold = result.fold_threshold[list.pairs[i].fold];
    if (isRight(result.rule.choice, result.values[i], result.same[i], threshold)) continue;
    (result.same[i] ? hard.false_rejects : hard.false_accepts)
        .push_back({i, result.values[i], threshold});
  }
  const auto harder = [](const HardPair& a, const HardPair& b) {
    return std::abs(a.value - a.threshold) > std::abs(b.value - b.threshold);
  };
  for (std::vector<HardPair>* pairs : {&hard.false_accepts, &hard.false_rejects})
    std::stable_sort(pairs->begin(), pairs->end(), harder);
  return hard;
}

}  // namespace sphereface
