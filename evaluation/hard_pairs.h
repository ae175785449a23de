// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <vector>

#include "evaluation/lfw_protocol.h"
#include "evaluation/pairs.h"

namespace sphereface {

/// A pair that its fold's threshold gets wrong.
struct HardPair {
  size_t pair = 0;       // in file order
  double value = 0;      // in the rule's measure
  double threshold = 0;  // of its fold
};

/// Farthest from the threshold first.
struct HardPairs {
  std::vector<HardPair> false_accepts;  // pairs of different people
  std::vector<HardPair> false_rejects;  // pairs of the same person
};

/// All wrong ones. `list` is what `result` was made of.
HardPairs hardPairs(const LfwResult& result, const PairList& list);

}  // namespace sphereface
