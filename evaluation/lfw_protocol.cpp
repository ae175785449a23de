// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/lfw_protocol.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "report/numbers.h"

namespace sphereface {
namespace {

/// The FAR of insightface's and facenet's VAL.
constexpr double kValidationFar = 1e-3;
/// Centred features shorter than this, relative to what they are the difference of, are rounding.
constexpr double kZeroNorm = 1e-12;

/// A pair as rows of the feature set.
struct RowPair {
  size_t left;
  size_t right;
};

/// Sum of products of (a - mean) and (b - mean). Independent partial sums let the compiler
/// vectorise.
double centredDot(std::span<const float> a, std::span<const float> b,
                  std::span<const double> mean) {
  constexpr size_t kLanes = 8;
  std::array<double, kLanes> sums{};
  size_t i = 0;
  for (; i + kLanes <= mean.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += (a[i + lane] - mean[i + lane]) * (b[i + lane] - mean[i + lane]);
    }
  }
  double total = 0;
  for (const double sum : sums)
    total += sum;
  for (; i < mean.size(); ++i)
    total += (a[i] - mean[i]) * (b[i] - mean[i]);
  return total;
}

/// Square of the distance of two centred features, each first divided by its norm.
double squaredDistance(std::span<const float> a, double inverse_a, std::span<const float> b,
                       double inverse_b, std::span<const double> mean) {
  double total = 0;
  for (size_t i = 0; i < mean.size(); ++i) {
    const double difference = (a[i] - mean[i]) * inverse_a - (b[i] - mean[i]) * inverse_b;
    total += difference * difference;
  }
  return total;
}

using Sums = std::vector<std::vector<double>>;

/// For each fold the sum of the features of its pairs' left and right images.
Sums sumByFold(const PairList& list, std::span<const RowPair> rows, const FeatureSet& features) {
  Sums sums(list.folds, std::vector<double>(features.dim, 0.0));
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<double>& sum = sums[list.pairs[i].fold];
    const std::span<const float> left = features.row(rows[i].left);
    const std::span<const float> right = features.row(rows[i].right);
    for (size_t d = 0; d < sum.size(); ++d)
      sum[d] += double{left[d]} + double{right[d]};
  }
  return sums;
}

std::vector<double> meanWithout(size_t fold, const PairList& list, const Sums& sums) {
  std::vector<double> mean(sums[fold].size(), 0.0);
  for (size_t other = 0; other < sums.size(); ++other) {
    if (other == fold) continue;
    for (size_t d = 0; d < mean.size(); ++d)
      mean[d] += sums[other][d];
  }
  const auto training = std::count_if(list.pairs.begin(), list.pairs.end(),
                                      [&](const Pair& pair) { return pair.fold != fold; });
  for (double& value : mean)
    value /= 2.0 * static_cast<double>(training);
  return mean;
}

/// 1 / length of each row less the mean; 0 for one without direction.
std::vector<double> inverseNorms(std::span<const size_t> rows, const FeatureSet& features,
                                 std::span<const double> mean) {
  const std::vector<double> origin(mean.size(), 0.0);
  double mean_square = 0;
  for (const double value : mean)
    mean_square += value * value;
  std::vector<double> inverse(features.rows, 0.0);
  for (const size_t row : rows) {
    const std::span<const float> feature = features.row(row);
    const double norm = std::sqrt(centredDot(feature, feature, mean));
    const double scale = std::sqrt(centredDot(feature, feature, origin)) + std::sqrt(mean_square);
    if (norm > kZeroNorm * scale) inverse[row] = 1.0 / norm;
  }
  return inverse;
}

/// Features of all images, less a mean and made unit vectors when they are compared.
struct Comparison {
  const FeatureSet& features;
  std::vector<double> mean;
  std::vector<double> inverse;  // of each row's norm

  double value(Measure measure, RowPair pair) const {
    const std::span<const float> left = features.row(pair.left);
    const std::span<const float> right = features.row(pair.right);
    if (measure == Measure::kSquaredDistance) {
      return squaredDistance(left, inverse[pair.left], right, inverse[pair.right], mean);
    }
    const double cosine = centredDot(left, right, mean) * inverse[pair.left] * inverse[pair.right];
    if (measure == Measure::kCosine) return cosine;
    return std::acos(std::clamp(cosine, -1.0, 1.0)) / std::numbers::pi;
  }
};

/// What one fold yields.
struct Fold {
  double threshold = 0;
  double accuracy = 0;
  ScoresOfKinds training;
  double validated = 0;  // TAR and FAR of the fold's own pairs at the training pairs' FAR 1e-3
  double validated_far = 0;
  std::vector<double> values;        // of its own pairs, in file order
  std::vector<size_t> without_norm;  // rows
};

ScoresOfKinds scoresOfKinds(std::span<const double> values, const std::vector<bool>& same) {
  ScoresOfKinds scores;
  for (const bool is_same : same)
    ++(is_same ? scores.same : scores.different);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  scores.all_equal = values.empty() || *least == *most;
  return scores;
}

void validate(std::span<const double> training, const std::vector<bool>& training_same,
              const std::vector<bool>& own_same, Fold& fold) {
  const double threshold = validationThreshold(training, training_same, kValidationFar);
  fold.training = scoresOfKinds(training, training_same);
  double same = 0;
  double accepted_same = 0;
  double accepted_different = 0;
  for (size_t i = 0; i < own_same.size(); ++i) {
    same += own_same[i] ? 1 : 0;
    if (fold.values[i] < threshold) ++(own_same[i] ? accepted_same : accepted_different);
  }
  fold.validated = accepted_same / same;
  fold.validated_far = accepted_different / (static_cast<double>(own_same.size()) - same);
}

Fold evaluateFold(const VerificationRule& rule, size_t fold, const PairList& list,
                  std::span<const RowPair> pairs, std::span<const size_t> rows,
                  const FeatureSet& features, const Sums& sums) {
  Comparison comparison{features, std::vector<double>(features.dim, 0.0), {}};
  if (rule.centred) comparison.mean = meanWithout(fold, list, sums);
  comparison.inverse = inverseNorms(rows, features, comparison.mean);
  Fold result;
  for (const size_t row : rows) {
    if (comparison.inverse[row] == 0) result.without_norm.push_back(row);
  }
  std::vector<double> training;
  std::vector<bool> training_same;
  std::vector<bool> own_same;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const double value = comparison.value(rule.measure, pairs[i]);
    const bool own = list.pairs[i].fold == fold;
    if (own) {
      result.values.push_back(value);
      own_same.push_back(list.pairs[i].same);
    }
    if (!own || !rule.isHeldOut()) {
      training.push_back(value);
      training_same.push_back(list.pairs[i].same);
    }
  }
  result.threshold = chooseThreshold(rule.choice, training, training_same);
  result.accuracy = accuracyAt(rule.choice, result.values, own_same, result.threshold);
  if (rule.isDistance()) validate(training, training_same, own_same, result);
  return result;
}

void takeFoldStatistics(std::span<const Fold> folds, LfwResult& result) {
  std::vector<double> validated;
  std::vector<double> validated_far;
  for (const Fold& fold : folds) {
    result.fold_accuracy.push_back(fold.accuracy);
    result.fold_threshold.push_back(fold.threshold);
    validated.push_back(fold.validated);
    validated_far.push_back(fold.validated_far);
  }
  const Spread accuracy = spreadOf(result.fold_accuracy);
  result.accuracy_mean = accuracy.mean;
  result.accuracy_std = accuracy.deviation;
  result.standard_error = accuracy.sample_deviation / std::sqrt(static_cast<double>(folds.size()));
  const Spread rate = spreadOf(validated);
  const double far = spreadOf(validated_far).mean;
  // A fold without pairs of a kind has no rate.
  if (!result.rule.isDistance() || std::isnan(rate.mean + far)) return;
  const auto fewest = std::min_element(
      folds.begin(), folds.end(),
      [](const auto& a, const auto& b) { return a.training.different < b.training.different; });
  result.validation_rate = {rate.mean, rate.deviation, far, fewest->training};
}

void takeRoc(LfwResult& result) {
  result.scores = scoresOfKinds(result.values, result.same);
  if (result.scores.same == 0 || result.scores.different == 0) return;
  const double sign = result.rule.isDistance() ? -1 : 1;
  std::vector<double> same_scores;
  std::vector<double> different_scores;
  for (size_t i = 0; i < result.values.size(); ++i) {
    (result.same[i] ? same_scores : different_scores).push_back(sign * result.values[i]);
  }
  result.roc = rocCurve(same_scores, different_scores);
  result.auc = rocArea(result.roc);
  result.eer = equalErrorRate(result.roc);
  result.tar_at_far_1e2 = tarAtFar(result.roc, 1e-2);
  result.tar_at_far_1e3 = tarAtFar(result.roc, 1e-3);
  result.tar_at_far_1e4 = tarAtFar(result.roc, 1e-4);
}

}  // namespace

std::vector<std::string> pairWarnings(const VerificationRule& rule, const PairList& list) {
  if (list.folds < 2) throw Error(concat("the protocol needs 2 or more folds, got ", list.folds));
  std::vector<std::string> warnings;
  size_t same = 0;
  size_t with_itself = 0;
  std::set<std::pair<std::string, std::string>> seen;
  for (const Pair& pair : list.pairs) {
    same += pair.same ? 1 : 0;
    with_itself += pair.left == pair.right ? 1 : 0;
    seen.insert(std::minmax(pair.left, pair.right));
  }
  const size_t count = list.pairs.size();
  if (same == 0 || same == count) {
    const std::string kind = same == 0 ? "of different people" : "of the same person";
    if (!rule.isHeldOut()) {
      throw Error(concat("all ", count, " pairs are ", kind, ": protocol ", rule.name,
                         " chooses its threshold by pairs of both kinds"));
    }
    warnings.push_back(concat("all ", count, " pairs are ", kind,
                              ": there is no ROC, and accuracy only says how far one fold's "
                              "threshold holds for the others"));
  }
  if (with_itself > 0) warnings.push_back(concat("pairs of an image with itself: ", with_itself));
  if (seen.size() < count) {
    warnings.push_back(concat("pairs that are listed again: ", count - seen.size()));
  }
  return warnings;
}

LfwResult evaluateLfw(const VerificationRule& rule, const PairList& list,
                      const FeatureSet& features, size_t threads) {
  LfwResult result;
  result.warnings = pairWarnings(rule, list);
  const std::vector<std::string> images = distinctImages(list);
  const std::vector<size_t> rows = locateImages(images, features.names, "features");
  const auto row_of = [&](const std::string& image) {
    const auto at = std::lower_bound(images.begin(), images.end(), image);
    return rows[static_cast<size_t>(at - images.begin())];
  };
  std::vector<RowPair> pairs;
  for (const Pair& pair : list.pairs)
    pairs.push_back({row_of(pair.left), row_of(pair.right)});

  const Sums sums = sumByFold(list, pairs, features);
  std::vector<Fold> folds(list.folds);
  parallelFor(list.folds, threads, [&](size_t fold) {
    folds[fold] = evaluateFold(rule, fold, list, pairs, rows, features, sums);
  });

  result.rule = rule;
  result.images = images.size();
  std::vector<size_t> without_norm;
  for (const Fold& fold : folds) {
    without_norm.insert(without_norm.end(), fold.without_norm.begin(), fold.without_norm.end());
  }
  std::vector<size_t> taken(list.folds, 0);
  for (const Pair& pair : list.pairs) {
    result.values.push_back(folds[pair.fold].values[taken[pair.fold]++]);
    result.same.push_back(pair.same);
  }
  std::sort(without_norm.begin(), without_norm.end());
  result.zero_norm_images = static_cast<size_t>(
      std::unique(without_norm.begin(), without_norm.end()) - without_norm.begin());
  takeFoldStatistics(folds, result);
  takeRoc(result);
  if (result.zero_norm_images > 0) {
    result.warnings.push_back(concat(result.zero_norm_images, " of ", result.images,
                                     " images have features without a direction"));
  }
  if (result.scores.all_equal) {
    result.warnings.push_back(concat("all ", result.values.size(), " pairs have the same value, ",
                                     result.values[0], ": the features tell nobody apart"));
  }
  return result;
}

}  // namespace sphereface
