// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/verification_rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <sstream>

#include "base/image_file.h"
#include "base/parallel.h"
#include "evaluation/image_source.h"
#include "evaluation/lfw_protocol.h"
#include "tests/support/evaluation_support.h"
#include "tests/support/shared_data.h"

namespace sphereface {
namespace {

using Values = std::vector<double>;
using Same = std::vector<bool>;

TEST(VerificationRule, TheFirstOfEquallyGoodDistancesIsTaken) {
  // 0.50 is not below itself, so 0.51 is the first that accepts it; all up to 0.90 are as good.
  const Values distances = {0.5, 0.9};
  const Same same = {true, false};
  const double threshold = chooseThreshold(ThresholdChoice::kFirstBest, distances, same);
  EXPECT_EQ(threshold, 51 * 0.01);
  EXPECT_EQ(accuracyAt(ThresholdChoice::kFirstBest, distances, same, threshold), 1.0);
  // A distance on the threshold is rejected: wrong for the same person, right for different ones.
  EXPECT_EQ(accuracyAt(ThresholdChoice::kFirstBest, Values{0.5, 0.5}, same, 0.5), 0.5);
  // Nothing can be won: the first of all.
  EXPECT_EQ(chooseThreshold(ThresholdChoice::kFirstBest, Values{3.995, 0.0}, same), 0.0);
}

TEST(VerificationRule, BestAndYoudenDifferWhenKindsAreUneven) {
  // One of the same person at 0.5, below four of nine different ones.
  const Values scores = {0.5, 0.6, 0.6, 0.6, 0.6, 0.1, 0.1, 0.1, 0.1, 0.1};
  Same same(scores.size(), false);
  same[0] = true;
  const double best = chooseThreshold(ThresholdChoice::kBestOfAll, scores, same);
  EXPECT_GT(best, 0.6);  // rejecting all gets nine of ten right
  EXPECT_EQ(accuracyAt(ThresholdChoice::kBestOfAll, scores, same, best), 0.9);
  const double youden = chooseThreshold(ThresholdChoice::kYouden, scores, same);
  EXPECT_EQ(youden, 0.5);  // TAR 1, FAR 4/9
  EXPECT_EQ(accuracyAt(ThresholdChoice::kYouden, scores, same, youden), 0.6);
}

TEST(VerificationRule, ChoicesAreTheLiteralOnesOnTies) {
  for (const uint64_t seed : {1, 2, 3}) {
    Random random(seed);
    Values distances;
    Values scores;
    Same same;
    for (int i = 0; i < 900; ++i) {
      same.push_back(i % 3 == 0);
      const double value = 1.0 + 0.5 * random.normal() + (same.back() ? 0.0 : 0.7);
      // The same products as the candidates', so that values lie on them bit by bit.
      distances.push_back(std::max(0.0, std::round(100 * value)) * 0.01);
      scores.push_back(-distances.back());
    }
    double most = -1;
    double first = 0;
    for (int k = 0; k < 400; ++k) {
      double right = 0;
      for (size_t i = 0; i < same.size(); ++i)
        right += (distances[i] < k * 0.01) == same[i] ? 1 : 0;
      if (right > most) first = k * 0.01;
      most = std::max(most, right);
    }
    EXPECT_EQ(chooseThreshold(ThresholdChoice::kFirstBest, distances, same), first);

    most = 0;
    for (const double t : scores) {
      double right = 0;
      for (size_t i = 0; i < same.size(); ++i)
        right += (scores[i] >= t) == same[i] ? 1 : 0;
      most = std::max(most, right / static_cast<double>(same.size()));
    }
    const double best = chooseThreshold(ThresholdChoice::kBestOfAll, scores, same);
    EXPECT_DOUBLE_EQ(accuracyAt(ThresholdChoice::kBestOfAll, scores, same, best), most);
  }
}

TEST(VerificationRule, ValidationThresholdLiesBetweenTheStepsAroundTheFar) {
  Same same(1001, false);
  Values distances(1001, 2.0);
  same[0] = true;
  distances[0] = 0.1;
  distances[1] = 0.3005;  // accepted from 0.301 on: FAR 1e-3
  distances[2] = 0.7005;
  // FAR 1e-3 is kept up to 0.700, at 0.701 it is 2e-3.
  EXPECT_DOUBLE_EQ(validationThreshold(distances, same, 1e-3), 0.7);
  EXPECT_NEAR(validationThreshold(distances, same, 1.5e-3), 0.7005, 1e-12);
  // No threshold accepts any.
  EXPECT_EQ(validationThreshold(Values{0.1, 5.0}, {true, false}, 1e-3), 0.0);
}

TEST(VerificationRule, NamesAreThoseThatCanBeAskedFor) {
  for (const std::string& name : verificationRuleNames())
    EXPECT_EQ(verificationRule(name).name, name);
  EXPECT_THROW(verificationRule("lfw"), UsageError);
}

/// All rules in NumPy, from the pairs as rows of the feature file.
constexpr const char* kNumpyRules = R"(
import json, sys
import numpy as np
folder = sys.argv[1]
features = np.load(folder + "/features.npy").astype(np.float64)
left, right, same, fold = np.loadtxt(folder + "/pairs.txt", dtype=int).T
same = same == 1
unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
def value(rule, mean):
    a, b = unit(features[left] - mean), unit(features[right] - mean)
    if rule == "insightface": return np.square(a - b).sum(1)
    cosine = np.clip((a * b).sum(1), -1, 1)
    return np.arccos(cosine) / np.pi if rule == "facenet" else cosine
def distance_folds(rule):
    out = []
    for k in range(fold.max() + 1):
        train, test = fold != k, fold == k
        both = np.concatenate([features[left][train], features[right][train]])
        v = value(rule, both.mean(0) if rule == "facenet" else 0)
        share = lambda part, t: ((v[part] < t) == same[part]).mean()
        grid = np.arange(0, 4, 0.01)
        t = grid[np.argmax([share(train, t) for t in grid])]
        far = lambda part, t: (v[part & ~same] < t).mean()
        fine = np.arange(0, 4, 0.001)
        fars = np.array([far(train, t) for t in fine])
        if fars.max() < 1e-3: s = 0
        elif fars.max() == 1e-3: s = fine[-1]
        else:
            i = np.argmax(fars > 1e-3)
            s = np.interp(1e-3, fars[i - 1 : i + 1], fine[i - 1 : i + 1])
        out.append((share(test, t), t, (v[test & same] < s).mean(), far(test, s)))
    accuracy, threshold, val, fa = np.array(out).T
    return accuracy.mean(), accuracy.std(), threshold.mean(), val.mean(), val.std(), fa.mean()
for rule in "insightface", "facenet":
    print(" ".join("%.17g" % x for x in distance_folds(rule)))
v = value("best", 0)
thresholds = np.unique(v)
right_share = [((v >= t) == same).mean() for t in thresholds]
j = [(v[same] >= t).mean() - (v[~same] >= t).mean() for t in thresholds]
best, youden = np.max(right_share), thresholds[len(j) - 1 - np.argmax(j[::-1])]
print("%.17g %.17g" % (best, ((v >= youden) == same).mean()))
for far in 1e-2, 1e-3, 1e-4:
    print("%.17g" % max([0] + [(v[same] >= t).mean() for t in thresholds if (v[~same] >= t).mean() <= far]))
)";

void expectTheRulesOfNumpy(const PairList& list, const FeatureSet& features) {
  const TemporaryFolder folder;
  writeFeatures(folder / "features.npy", features);
  const std::vector<std::string> images = distinctImages(list);
  const std::vector<size_t> rows = locateImages(images, features.names, "features");
  const auto row = [&](const std::string& image) {
    const auto at = std::lower_bound(images.begin(), images.end(), image) - images.begin();
    return rows[static_cast<size_t>(at)];
  };
  std::string text;
  for (const Pair& pair : list.pairs) {
    text +=
        concat(row(pair.left), " ", row(pair.right), " ", pair.same ? 1 : 0, " ", pair.fold, "\n");
  }
  writeFileAtomically(folder / "pairs.txt", text);
  std::istringstream theirs(runPython(folder, kNumpyRules, (folder / "").string()));
  const auto next = [&] {
    double value = -1;
    theirs >> value;
    return value;
  };
  for (const char* name : {"insightface", "facenet"}) {
    const LfwResult ours = evaluateLfw(verificationRule(name), list, features, 2);
    EXPECT_NEAR(ours.accuracy_mean, next(), 1e-12) << name;
    EXPECT_NEAR(ours.accuracy_std, next(), 1e-12) << name;
    double threshold = 0;
    for (const double t : ours.fold_threshold)
      threshold += t / static_cast<double>(ours.fold_threshold.size());
    EXPECT_NEAR(threshold, next(), 1e-12) << name;
    ASSERT_TRUE(ours.validation_rate) << name;
    EXPECT_NEAR(ours.validation_rate->mean, next(), 1e-12) << name;
    EXPECT_NEAR(ours.validation_rate->std, next(), 1e-12) << name;
    EXPECT_NEAR(ours.validation_rate->far, next(), 1e-12) << name;
  }
  const LfwResult best = evaluateLfw(verificationRule("best"), list, features, 2);
  EXPECT_NEAR(best.accuracy_mean, next(), 1e-12);
  EXPECT_FALSE(best.validation_rate);
  EXPECT_NEAR(evaluateLfw(verificationRule("youden"), list, features, 2).accuracy_mean, next(),
              1e-12);
  EXPECT_DOUBLE_EQ(best.tar_at_far_1e2, next());
  EXPECT_DOUBLE_EQ(best.tar_at_far_1e3, next());
  EXPECT_DOUBLE_EQ(best.tar_at_far_1e4, next());
}

TEST(VerificationRule, AgreesWithNumpyOnRandomFeaturesWithTies) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "SPHEREFACE_PYTHON names no Python with numpy";
  // Few people, so that pairs repeat; and a feature of few values.
  const PairList list = randomPairs(10, 60, 12, 4);
  FeatureSet features = randomFeatures(list, 7, 1.0, 4);
  expectTheRulesOfNumpy(list, features);
  for (float& value : features.values)
    value = std::round(value);
  expectTheRulesOfNumpy(list, features);
}

/// Small grey versions of photographs: what they score doesn't matter, but that they are no random
/// numbers.
TEST(VerificationRule, AgreesWithNumpyOnPhotographs) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "SPHEREFACE_PYTHON names no Python with numpy";
  SPHEREFACE_NEEDS(sharedData("lfw"));
  SPHEREFACE_NEEDS(sharedData("lfw_pairs.txt"));
  PairList list = readPairs(sharedData("lfw_pairs.txt"));
  std::vector<Pair> some;
  for (size_t i = 0; i < list.pairs.size(); i += 5)
    some.push_back(list.pairs[i]);
  list.pairs = some;
  FeatureSet features;
  features.names = namedImages(sharedData("lfw"), distinctImages(list)).names;
  features.rows = features.names.size();
  features.dim = 32 * 32;
  features.values.resize(features.rows * features.dim);
  parallelFor(features.rows, availableThreads(), [&](size_t i) {
    cv::Mat grey;
    cv::cvtColor(readImage(sharedData("lfw") / features.names[i]), grey, cv::COLOR_BGR2GRAY);
    cv::resize(grey, grey, {32, 32}, 0, 0, cv::INTER_AREA);
    std::copy_n(grey.data, features.dim,
                features.values.begin() + static_cast<std::ptrdiff_t>(i * features.dim));
  });
  expectTheRulesOfNumpy(list, features);
}

}  // namespace
}  // namespace sphereface
