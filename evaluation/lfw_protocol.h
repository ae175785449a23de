// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Verification of pairs by one of the published rules (evaluation/verification_rule.h), in double.
// For each fold:
//   1. mean, where the rule centres: of the features of the left and right images of all pairs of
//      the other folds, an image counting as often as it occurs;
//   2. value of a pair: of its two features after subtracting that mean;
//   3. threshold: chosen on the pairs of the other folds, or on all by a rule without held-out
//   folds;
//   4. accuracy: of that threshold on the fold's own pairs.
// "sphereface" is how SphereFace publishes its LFW score (test/code/evaluation.m).
//
// The ROC and what is read off it don't depend on the rule's thresholds: all pairs' values pooled,
// by evaluation/roc.h.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/feature_file.h"
#include "evaluation/pairs.h"
#include "evaluation/roc.h"
#include "evaluation/told_rate.h"
#include "evaluation/verification_rule.h"

namespace sphereface {

/// insightface's and facenet's VAL at FAR 1e-3 (validationThreshold), over the folds.
struct ValidationRate {
  double mean = 0;
  double std = 0;          // population standard deviation
  double far = 0;          // mean FAR of the thresholds on the folds they were not chosen on
  ScoresOfKinds training;  // of the fold with the fewest pairs of different people to choose by
};

/// Rates are fractions, 0 .. 1.
struct LfwResult {
  VerificationRule rule;
  std::vector<double> fold_accuracy;
  std::vector<double> fold_threshold;  // in the rule's measure
  double accuracy_mean = 0;
  /// Population standard deviation of the fold accuracies (divided by the number of folds), which
  /// insightface and facenet print.
  double accuracy_std = 0;
  /// LFW's own: the sample standard deviation (divided by folds - 1) over sqrt(folds).
  double standard_error = 0;

  std::optional<ValidationRate> validation_rate;  // of rules with a distance

  /// Values in the rule's measure, one per pair in file order: where the rule centres, each with
  /// the mean of the folds it is not in. What follows is of all of them pooled.
  std::vector<double> values;
  std::vector<bool> same;
  std::vector<RocPoint> roc;
  ScoresOfKinds scores;  // pairs of each kind
  // Rates that these pairs can't tell (evaluation/told_rate.h) are here, too, but 0 where all pairs
  // are of one kind: then there is no ROC.
  double auc = 0;
  double eer = 0;
  double tar_at_far_1e2 = 0;  // TAR at FAR <= 1e-2
  double tar_at_far_1e3 = 0;
  double tar_at_far_1e4 = 0;

  size_t images = 0;  // distinct ones in the pairs
  /// Images whose feature is zero, or the mean of some fold's training part, so that they have no
  /// direction; they count as a vector of zeros.
  size_t zero_norm_images = 0;

  std::vector<std::string> warnings;  // pairWarnings(), and what the values are
};

/// What a list's results are to be read with, which is seen without features: pairs of one kind
/// alone, of an image with itself, or named twice.
/// errors: Error for fewer than two folds, and for pairs of one kind where the rule needs both.
std::vector<std::string> pairWarnings(const VerificationRule& rule, const PairList& list);

/// errors: as pairWarnings(), and Error when images of the pairs have no feature.
/// `threads` folds are worked on at a time.
LfwResult evaluateLfw(const VerificationRule& rule, const PairList& list,
                      const FeatureSet& features, size_t threads);

}  // namespace sphereface
