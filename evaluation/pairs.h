// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A list of image pairs, its fields separated by TABs or spaces, or by commas (CSV), in one of four
// formats.
//
// LFW's pairs.txt: a first line "FOLDS PAIRS", then for each fold PAIRS lines "NAME I J" (the same
// person) and PAIRS lines "NAME I OTHER J" (two people). Image I of NAME is the file
// NAME/NAME_000I, I counted from 1.
//
// LFW's View 1 (pairsDevTrain.txt, pairsDevTest.txt): a first line "PAIRS", PAIRS lines of the same
// person, PAIRS lines of two. They have no folds: those of tenFolds() are taken of either kind.
//
// pairs.txt as CSV, as Kaggle has it: a heading "name,imagenum1,imagenum2,", then its lines, whose
// kinds alternate in runs of one length, a fold being a run of each. A single run of each: as
// View 1.
//
// Lines "A B SAME" or, as OpenSphere has them, "SAME A B": A and B are paths of images, SAME is 1
// for one person and 0 for two. The last field of the first line, when it is 0 or 1, says which.
// Folds are those of tenFolds(). As CSV it may have a heading.

#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace sphereface {

struct Pair {
  std::string left;  // path without suffix: "Abel_Pacheco/Abel_Pacheco_0001"
  std::string right;
  size_t fold = 0;  // 0 .. folds-1
  bool same = false;
};

struct PairList {
  size_t folds = 0;
  std::vector<Pair> pairs;  // in file order
  std::string sha256;       // of the file
};

constexpr size_t kTenFolds = 10;

/// The fold of each of `count` pairs without folds of their own: ten runs as equal as can be, the
/// first ones longer, as scikit-learn's KFold cuts them.
std::vector<size_t> tenFolds(size_t count);

/// errors: Error naming file and line; also for a list without folds of fewer than ten pairs.
PairList readPairs(const std::filesystem::path& path);

/// The images of the pairs, each once, in lexicographic order.
std::vector<std::string> distinctImages(const PairList& list);

/// The path without the suffix of an image file, or as it is when it has none.
std::string withoutImageSuffix(const std::string& name);

/// For each of `images` (paths without suffix) the index in `names` (paths with or without an image
/// suffix) of the name that is that image. `where` names the place searched, for messages.
/// errors: Error with the number of images that are missing, or named twice, and the first few.
std::vector<size_t> locateImages(std::span<const std::string> images,
                                 std::span<const std::string> names, const std::string& where);

}  // namespace sphereface
