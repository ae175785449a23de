// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A verification protocol for procedural faces, in the format of LFW's pairs.txt: first line
// "folds TAB pairs", then for each fold that many matched lines "name TAB i TAB j" and as many
// mismatched ones "name1 TAB i TAB name2 TAB j". Images are counted from 1. No person is in two
// folds, no pair comes twice.

#pragma once

#include <cstdint>
#include <string>

namespace sphereface {

struct PairsOptions {
  uint64_t identities = 0;
  uint64_t first_identity = 0;
  uint64_t images_per_identity = 0;
  uint64_t seed = 1;
  uint64_t folds = 10;
  /// Matched pairs per fold, and as many mismatched; fewer when there aren't as many.
  uint64_t pairs_per_fold = 300;
};

/// Pairs per fold that there will be.
/// errors: UsageError when a fold has fewer than two people or they have one image each.
uint64_t pairsPerFold(const PairsOptions& options);

/// The file's text. errors: as above.
std::string makePairs(const PairsOptions& options);

}  // namespace sphereface
