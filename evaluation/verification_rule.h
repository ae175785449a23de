// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The rules by which projects turn features of image pairs into an accuracy. They differ in what is
// compared, in how the threshold is chosen and in what becomes of a pair that lies on it:
//
//   name        value of a pair                     threshold                 same person when
//   sphereface  cosine, features less their mean    mean of the best of       value > t (and
//   different
//                                                   k / 10,000, |k| <= 10,000  when value < t)
//   insightface squared distance of unit features   first best of             value < t
//                                                   0, 0.01, ..., 3.99
//   facenet     angle / pi, features less their     first best of             value < t
//               mean (validate_on_lfw with            0, 0.01, ..., 3.99
//               --distance_metric 1 --subtract_mean)
//   best        cosine                              the best of all, chosen   value >= t
//                                                   on the pairs it is scored on
//   youden      cosine                              the one with the largest  value >= t
//                                                   TAR - FAR of all pairs
//
// "best" (OpenSphere's) and "youden" have no held-out folds and so are optimistic. The means and
// thresholds of the other three are those of the pairs of the other folds.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "evaluation/extract.h"

namespace sphereface {

enum class Measure { kCosine, kSquaredDistance, kAngle };

enum class ThresholdChoice { kMeanOfBest, kFirstBest, kBestOfAll, kYouden };

struct VerificationRule {
  std::string name;
  bool centred = false;  // features less the mean of the other folds' images
  Measure measure = Measure::kCosine;
  ThresholdChoice choice = ThresholdChoice::kMeanOfBest;
  Mirror mirror = Mirror::kConcat;  // what the project does with the mirrored image

  bool isDistance() const { return measure != Measure::kCosine; }
  /// Whether a fold's threshold is chosen without the fold's pairs.
  bool isHeldOut() const {
    return choice == ThresholdChoice::kMeanOfBest || choice == ThresholdChoice::kFirstBest;
  }
};

std::vector<std::string> verificationRuleNames();

/// errors: UsageError for a name that isn't one of those above.
VerificationRule verificationRule(const std::string& name);

/// "cosine", "squared distance" or "angle / pi".
std::string measureName(Measure measure);

/// The threshold that the rule chooses for these pairs. requires: as many `values` as `same`; for
/// "best" and "youden" pairs of both kinds. cost: one sort and a walk.
double chooseThreshold(ThresholdChoice choice, std::span<const double> values,
                       const std::vector<bool>& same);

/// Whether the rule gets a pair with this value right.
bool isRight(ThresholdChoice choice, double value, bool same, double threshold);

/// Which share of pairs the rule gets right with this threshold.
double accuracyAt(ThresholdChoice choice, std::span<const double> values,
                  const std::vector<bool>& same, double threshold);

/// insightface's and facenet's VAL: of the thresholds 0, 0.001, ..., 3.999, t0 is the last whose
/// FAR (different pairs with a distance < t) is at most `far` on the training pairs and t1 the
/// next; the threshold is where the straight line between them reaches `far`. (Theirs interpolates
/// over all 4,000 points, of which many share one FAR: undefined, and refused by newer SciPy.) When
/// no threshold's FAR reaches `far`, it is 0, as theirs.
double validationThreshold(std::span<const double> distances, const std::vector<bool>& same,
                           double far);

}  // namespace sphereface
