// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// insightface's verification sets (lfw.bin, cfp_fp.bin, agedb_30.bin, ...): a pickle of a pair, a
// list of 2 n encoded images and a list of n booleans. Pair k is images 2 k and 2 k + 1; folds are
// ten runs of pairs as equal as can be, the first ones longer.

#pragma once

#include <filesystem>

#include "evaluation/image_source.h"
#include "evaluation/pairs.h"

namespace sphereface {

struct VerificationSet {
  PairList pairs;      // images are named by their number in the file: "00000", "00001", ...
  ImageSource images;  // aligned to kInsightfaceTemplate
};

/// By its suffix, .bin.
bool isVerificationSet(const std::filesystem::path& path);

/// Keeps the file in memory. errors: Error naming the file when it can't be read, isn't such a
/// pickle (nothing in it is ever executed), has other than two images a pair, or fewer than ten
/// pairs.
VerificationSet readVerificationSet(const std::filesystem::path& path);

}  // namespace sphereface
