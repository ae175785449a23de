// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/verification_rule.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/error.h"
#include "evaluation/roc.h"

namespace sphereface {
namespace {

constexpr int kCosineSteps = 10000;
constexpr int kDistanceSteps = 400;
constexpr double kDistanceStep = 0.01;
constexpr int kValidationSteps = 4000;
constexpr double kValidationStep = 0.001;

struct Kinds {
  std::vector<double> same;
  std::vector<double> different;
};

Kinds sortedKinds(std::span<const double> values, const std::vector<bool>& same) {
  Kinds kinds;
  for (size_t i = 0; i < values.size(); ++i)
    (same[i] ? kinds.same : kinds.different).push_back(values[i]);
  std::sort(kinds.same.begin(), kinds.same.end());
  std::sort(kinds.different.begin(), kinds.different.end());
  return kinds;
}

double meanOfBest(const Kinds& kinds) {
  size_t same_wrong = 0;       // of the same person, at or below the candidate
  size_t different_right = 0;  // of different people, below it
  size_t best = 0;
  double best_sum = 0;
  size_t best_count = 0;
  for (int k = -kCosineSteps; k <= kCosineSteps; ++k) {
    const double candidate = static_cast<double>(k) / kCosineSteps;
    while (same_wrong < kinds.same.size() && kinds.same[same_wrong] <= candidate)
      ++same_wrong;
    while (different_right < kinds.different.size() &&
           kinds.different[different_right] < candidate) {
      ++different_right;
    }
    const size_t right = kinds.same.size() - same_wrong + different_right;
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

double firstBest(const Kinds& kinds) {
  size_t same_right = 0;       // below the candidate
  size_t different_wrong = 0;  // below the candidate
  size_t best = 0;
  double best_threshold = 0;
  for (int k = 0; k < kDistanceSteps; ++k) {
    const double candidate = k * kDistanceStep;
    while (same_right < kinds.same.size() && kinds.same[same_right] < candidate)
      ++same_right;
    while (different_wrong < kinds.different.size() &&
           kinds.different[different_wrong] < candidate) {
      ++different_wrong;
    }
    const size_t right = same_right + kinds.different.size() - different_wrong;
    if (right <= best && k > 0) continue;
    best = right;
    best_threshold = candidate;
  }
  return best_threshold;
}

/// The highest threshold of the ROC at which weight_same TAR - weight_different FAR is largest.
double bestOfRoc(const Kinds& kinds, double weight_same, double weight_different) {
  const std::vector<RocPoint> roc = rocCurve(kinds.same, kinds.different);
  const RocPoint* best = roc.data();
  for (const RocPoint& point : roc) {
    const auto gain = [&](const RocPoint& p) {
      return weight_same * p.tar - weight_different * p.far;
    };
    if (gain(point) > gain(*best)) best = &point;
  }
  return best->threshold;
}

const std::array<VerificationRule, 5>& rules() {
  static const std::array<VerificationRule, 5> kRules = {{
      {"sphereface", true, Measure::kCosine, ThresholdChoice::kMeanOfBest, Mirror::kConcat},
      {"insightface", false, Measure::kSquaredDistance, ThresholdChoice::kFirstBest, Mirror::kSum},
      {"facenet", true, Measure::kAngle, ThresholdChoice::kFirstBest, Mirror::kConcat},
      {"best", false, Measure::kCosine, ThresholdChoice::kBestOfAll, Mirror::kNone},
      {"youden", false, Measure::kCosine, ThresholdChoice::kYouden, Mirror::kNone},
  }};
  return kRules;
}

}  // namespace

std::vector<std::string> verificationRuleNames() {
  std::vector<std::string> names;
  for (const VerificationRule& rule : rules())
    names.push_back(rule.name);
  return names;
}

VerificationRule verificationRule(const std::string& name) {
  for (const VerificationRule& rule : rules()) {
    if (rule.name == name) return rule;
  }
  throw UsageError(concat("there is no protocol \"", name, "\""));
}

std::string measureName(Measure measure) {
  switch (measure) {
    case Measure::kSquaredDistance:
      return "squared distance";
    case Measure::kAngle:
      return "angle / pi";
    case Measure::kCosine:
      break;
  }
  return "cosine";
}

double chooseThreshold(ThresholdChoice choice, std::span<const double> values,
                       const std::vector<bool>& same) {
  const Kinds kinds = sortedKinds(values, same);
  switch (choice) {
    case ThresholdChoice::kMeanOfBest:
      return meanOfBest(kinds);
    case ThresholdChoice::kFirstBest:
      return firstBest(kinds);
    case ThresholdChoice::kBestOfAll:
      // Pairs right, less the number of different ones.
      return bestOfRoc(kinds, static_cast<double>(kinds.same.size()),
                       static_cast<double>(kinds.different.size()));
    case ThresholdChoice::kYouden:
      break;
  }
  return bestOfRoc(kinds, 1, 1);
}

bool isRight(ThresholdChoice choice, double value, bool same, double threshold) {
  switch (choice) {
    case ThresholdChoice::kMeanOfBest:
      return same ? value > threshold : value < threshold;
    case ThresholdChoice::kFirstBest:
      return (value < threshold) == same;
    case ThresholdChoice::kBestOfAll:
    case ThresholdChoice::kYouden:
      break;
  }
  return (value >= threshold) == same;
}

double accuracyAt(ThresholdChoice choice, std::span<const double> values,
                  const std::vector<bool>& same, double threshold) {
  size_t right = 0;
  for (size_t i = 0; i < values.size(); ++i)
    right += isRight(choice, values[i], same[i], threshold) ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(values.size());
}

double validationThreshold(std::span<const double> distances, const std::vector<bool>& same,
                           double far) {
  const std::vector<double> different = sortedKinds(distances, same).different;
  const auto far_at = [&](double threshold) {
    const auto below = std::lower_bound(different.begin(), different.end(), threshold);
    return static_cast<double>(below - different.begin()) / static_cast<double>(different.size());
  };
  if (far_at((kValidationSteps - 1) * kValidationStep) < far) return 0;
  double before = 0;  // its FAR is 0: no distance is negative
  for (int k = 1; k < kValidationSteps; ++k) {
    const double after = k * kValidationStep;
    if (far_at(after) > far) {
      const double low = far_at(before);
      return before + (after - before) * (far - low) / (far_at(after) - low);
    }
    before = after;
  }
  return before;
}

}  // namespace sphereface
