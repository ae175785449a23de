// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/lfw_protocol.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/parallel.h"

namespace sphereface {
namespace {

constexpr int kThresholdSteps = 10000;
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

/// What one fold yields.
struct Fold {
  double threshold = 0;
  double accuracy = 0;
  std::vector<double> scores;        // of its own pairs, in file order
  std::vector<size_t> without_norm;  // rows
};

Fold evaluateFold(size_t fold, const PairList& list, std::span<const RowPair> pairs,
                  std::span<const size_t> rows, const FeatureSet& features, const Sums& sums) {
  const std::vector<double> mean = meanWithout(fold, list, sums);
  const std::vector<double> inverse = inverseNorms(rows, features, mean);
  Fold result;
  for (const size_t row : rows) {
    if (inverse[row] == 0) result.without_norm.push_back(row);
  }
  std::vector<double> training;
  std::vector<bool> training_same;
  std::vector<bool> own_same;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto [left, right] = pairs[i];
    const double score =
        centredDot(features.row(left), features.row(right), mean) * inverse[left] * inverse[right];
    const bool own = list.pairs[i].fold == fold;
    (own ? result.scores : training).push_back(score);
    (own ? own_same : training_same).push_back(list.pairs[i].same);
  }
  result.threshold = bestThreshold(training, training_same);
  result.accuracy = accuracyAt(result.scores, own_same, result.threshold);
  return result;
}

void takeFoldStatistics(LfwResult& result) {
  const auto folds = static_cast<double>(result.fold_accuracy.size());
  for (const double accuracy : result.fold_accuracy) {
    result.accuracy_mean += accuracy;
  }
  result.accuracy_mean /= folds;
  double squares = 0;
  for (const double accuracy : result.fold_accuracy) {
    squares += (accuracy - result.accuracy_mean) * (accuracy - result.accuracy_mean);
  }
  result.accuracy_std = std::sqrt(squares / folds);
  result.standard_error = std::sqrt(squares / (folds - 1)) / std::sqrt(folds);
}

void takeRoc(LfwResult& result) {
  std::vector<double> same_scores;
  std::vector<double> different_scores;
  for (size_t i = 0; i < result.scores.size(); ++i) {
    (result.same[i] ? same_scores : different_scores).push_back(result.scores[i]);
  }
  result.roc = rocCurve(same_scores, different_scores);
  result.auc = rocArea(result.roc);
  result.eer = equalErrorRate(result.roc);
  result.tar_at_far_1e2 = tarAtFar(result.roc, 1e-2);
  result.tar_at_far_1e3 = tarAtFar(result.roc, 1e-3);
}

}  // namespace

double accuracyAt(std::span<const double> scores, const std::vector<bool>& same, double threshold) {
  size_t right = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    right += (same[i] ? scores[i] > threshold : scores[i] < threshold) ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(scores.size());
}

double bestThreshold(std::span<const double> scores, const std::vector<bool>& same) {
  std::vector<double> positive;
  std::vector<double> negative;
  for (size_t i = 0; i < scores.size(); ++i)
    (same[i] ? positive : negative).push_back(scores[i]);
  std::sort(positive.begin(), positive.end());
  std::sort(negative.begin(), negative.end());
  size_t positive_wrong = 0;  // positives at or below the candidate
  size_t negative_right = 0;  // negatives below it
  size_t best = 0;
  double best_sum = 0;
  size_t best_count = 0;
  for (int k = -kThresholdSteps; k <= kThresholdSteps; ++k) {
    const double candidate = static_cast<double>(k) / kThresholdSteps;
    while (positive_wrong < positive.size() && positive[positive_wrong] <= candidate) {
      ++positive_wrong;
    }
    while (negative_right < negative.size() && negative[negative_right] < candidate) {
      ++negative_right;
    }
    const size_t right = positive.size() - positive_wrong + negative_right;
    if (best_count == 0 || right > best) {
      best = right;
      best_sum = 0;
      best_count = 0;
    }
    if (right == best) {
      best_sum += candidate;
      ++best_count;
    }
  }
  return best_sum / static_cast<double>(best_count);
}

LfwResult evaluateLfw(const PairList& list, const FeatureSet& features, size_t threads) {
  if (list.folds < 2) throw Error(concat("the protocol needs 2 or more folds, got ", list.folds));
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
    folds[fold] = evaluateFold(fold, list, pairs, rows, features, sums);
  });

  LfwResult result;
  result.images = images.size();
  std::vector<size_t> without_norm;
  for (const Fold& fold : folds) {
    result.fold_accuracy.push_back(fold.accuracy);
    result.fold_threshold.push_back(fold.threshold);
    without_norm.insert(without_norm.end(), fold.without_norm.begin(), fold.without_norm.end());
  }
  std::vector<size_t> taken(list.folds, 0);
  for (const Pair& pair : list.pairs) {
    result.scores.push_back(folds[pair.fold].scores[taken[pair.fold]++]);
    result.same.push_back(pair.same);
  }
  std::sort(without_norm.begin(), without_norm.end());
  result.zero_norm_images = static_cast<size_t>(
      std::unique(without_norm.begin(), without_norm.end()) - without_norm.begin());
  takeFoldStatistics(result);
  takeRoc(result);
  return result;
}

}  // namespace sphereface
