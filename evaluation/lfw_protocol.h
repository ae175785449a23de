// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Ten-fold verification as SphereFace publishes its LFW score (test/code/evaluation.m), in double.
// For each fold:
//   1. mean: of the features of the left and right images of all pairs of the other folds, an image
//      counting as often as it occurs;
//   2. score of a pair: cosine of its two features after subtracting that mean;
//   3. threshold: of the 20,001 candidates k / 10,000, k = -10,000 .. 10,000, the arithmetic mean
//   of
//      all that get the most pairs of the other folds right. A pair of the same person is right
//      when its score is above the threshold, one of different people when it is below; a score
//      equal to the threshold is wrong for both;
//   4. accuracy: of that threshold on the fold's own pairs.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "evaluation/feature_file.h"
#include "evaluation/pairs.h"
#include "evaluation/roc.h"

namespace sphereface {

/// Rates are fractions, 0 .. 1.
struct LfwResult {
  std::vector<double> fold_accuracy;
  std::vector<double> fold_threshold;
  double accuracy_mean = 0;
  /// Population standard deviation of the fold accuracies (divided by the number of folds), which
  /// insightface and facenet print.
  double accuracy_std = 0;
  /// LFW's own: the sample standard deviation (divided by folds - 1) over sqrt(folds).
  double standard_error = 0;

  /// Held-out scores, one per pair in file order: each with the mean of the folds it is not in.
  /// What follows is of all of them pooled.
  std::vector<double> scores;
  std::vector<bool> same;
  std::vector<RocPoint> roc;
  double auc = 0;
  double eer = 0;
  double tar_at_far_1e2 = 0;  // TAR at FAR <= 1e-2
  double tar_at_far_1e3 = 0;

  size_t images = 0;  // distinct ones in the pairs
  /// Images whose feature is the mean of some fold's training part, so that they have no direction
  /// there; their pairs score 0.
  size_t zero_norm_images = 0;
};

/// Which share of pairs a threshold gets right (3. above).
double accuracyAt(std::span<const double> scores, const std::vector<bool>& same, double threshold);

/// The threshold of 3. above. cost: one sort and 20,001 steps, whatever the number of pairs.
double bestThreshold(std::span<const double> scores, const std::vector<bool>& same);

/// requires: two or more folds. errors: Error when images of the pairs have no feature.
/// `threads` folds are worked on at a time.
LfwResult evaluateLfw(const PairList& list, const FeatureSet& features, size_t threads);

}  // namespace sphereface
