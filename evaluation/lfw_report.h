// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluation/feature_file.h"
#include "evaluation/image_source.h"
#include "evaluation/lfw_protocol.h"
#include "evaluation/pairs.h"

namespace sphereface {

/// The result as a table for people, in percent.
std::string lfwTable(const LfwResult& result, const FeatureSet& features);

/// The result for programs, in fractions. model_sha256 is "" for features of no model.
Json lfwJson(const LfwResult& result, const PairList& list, const FeatureSet& features);

/// What a run's scores have of it (run/run_scores.h); `whole` is what lfwJson() made of the result.
Json lfwScores(const LfwResult& result, const Json& whole);

/// Writes lfw_roc.png (TAR over FAR) and lfw_scores.png (scores of pairs of both kinds) to
/// `folder`, which is made if need be. `label` names what was evaluated.
void writeLfwPlots(const std::filesystem::path& folder, const LfwResult& result,
                   const std::string& label);

/// The result as one HTML page: figures, ROC, scores, folds, and the pairs that were got wrong with
/// their pictures from `images`, or without when that has none.
/// errors: Error when a picture is missing.
std::string lfwPage(const LfwResult& result, const PairList& list, const FeatureSet& features,
                    const std::string& label, const ImageSource& images);

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
