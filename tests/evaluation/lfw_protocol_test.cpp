// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/lfw_protocol.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>

#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

/// The published rule read word by word: every candidate against every score.
double literalThreshold(const std::vector<double>& scores, const std::vector<bool>& same) {
  size_t best = 0;
  std::vector<double> winners;
  for (int k = -10000; k <= 10000; ++k) {
    const double t = k / 10000.0;
    size_t right = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      if (same[i] && scores[i] > t) ++right;
      if (!same[i] && scores[i] < t) ++right;
    }
    if (right > best) winners.clear();
    best = std::max(best, right);
    if (right == best) winners.push_back(t);
  }
  double sum = 0;
  for (const double t : winners)
    sum += t;
  return sum / static_cast<double>(winners.size());
}

using Vector = std::vector<double>;

Vector literalNormalised(std::span<const float> feature, const Vector& mean) {
  Vector centred(mean.size());
  double squares = 0;
  for (size_t d = 0; d < mean.size(); ++d) {
    centred[d] = feature[d] - mean[d];
    squares += centred[d] * centred[d];
  }
  for (double& value : centred)
    value /= std::sqrt(squares);
  return centred;
}

/// The whole rule for one fold, with nothing shared or precomputed.
double literalFoldAccuracy(const PairList& list, const FeatureSet& features, size_t fold,
                           double* threshold) {
  std::map<std::string, size_t> row;
  for (size_t i = 0; i < features.rows; ++i) {
    row[features.names[i].substr(0, features.names[i].size() - 4)] = i;
  }
  Vector mean(features.dim, 0.0);
  double count = 0;
  for (const Pair& pair : list.pairs) {
    if (pair.fold == fold) continue;
    for (const std::string& image : {pair.left, pair.right}) {
      const std::span<const float> feature = features.row(row[image]);
      for (size_t d = 0; d < mean.size(); ++d)
        mean[d] += feature[d];
      ++count;
    }
  }
  for (double& value : mean)
    value /= count;
  Vector training;
  Vector held_out;
  std::vector<bool> training_same;
  std::vector<bool> held_out_same;
  for (const Pair& pair : list.pairs) {
    const Vector left = literalNormalised(features.row(row[pair.left]), mean);
    const Vector right = literalNormalised(features.row(row[pair.right]), mean);
    double score = 0;
    for (size_t d = 0; d < mean.size(); ++d)
      score += left[d] * right[d];
    (pair.fold == fold ? held_out : training).push_back(score);
    (pair.fold == fold ? held_out_same : training_same).push_back(pair.same);
  }
  *threshold = literalThreshold(training, training_same);
  double right = 0;
  for (size_t i = 0; i < held_out.size(); ++i) {
    if (held_out_same[i] ? held_out[i] > *threshold : held_out[i] < *threshold) ++right;
  }
  return right / static_cast<double>(held_out.size());
}

TEST(LfwProtocol, ThresholdIsTheLiteralRulesWithTiesOnTheCandidates) {
  Random random(3);
  for (const double grid : {0.0, 10000.0, 200.0, 4.0}) {
    std::vector<double> scores;
    std::vector<bool> same;
    for (int i = 0; i < 6000; ++i) {
      same.push_back(i % 600 < 300);
      double score = 0.3 * random.normal() + (same.back() ? 0.5 : 0.1);
      // The same division as the candidates', so that scores and candidates are equal bit by bit.
      if (grid > 0) score = std::round(score * grid) / grid;
      scores.push_back(score);
    }
    const double threshold = chooseThreshold(ThresholdChoice::kMeanOfBest, scores, same);
    EXPECT_EQ(threshold, literalThreshold(scores, same)) << "grid " << grid;
  }
}

TEST(LfwProtocol, AScoreOnTheThresholdIsWrongForBothKinds) {
  EXPECT_EQ(
      accuracyAt(ThresholdChoice::kMeanOfBest, std::vector<double>{0.5, 0.5}, {true, false}, 0.5),
      0.0);
  EXPECT_EQ(
      accuracyAt(ThresholdChoice::kMeanOfBest, std::vector<double>{0.5, 0.5}, {true, false}, 0.4),
      0.5);
}

TEST(LfwProtocol, ThresholdOfSeparatedScoresIsTheMiddleOfTheGap) {
  EXPECT_NEAR(
      chooseThreshold(ThresholdChoice::kMeanOfBest, std::vector<double>{0.6, 0.2}, {true, false}),
      0.4, 1e-12);
  // All candidates are equally bad: the mean of all.
  EXPECT_NEAR(
      chooseThreshold(ThresholdChoice::kMeanOfBest, std::vector<double>{2.0, 2.0}, {true, false}),
      0.0, 1e-12);
}

TEST(LfwProtocol, AgreesWithTheLiteralRuleOnRandomFeatures) {
  for (const size_t dim : {1, 7, 16, 33}) {
    const PairList list = randomPairs(10, 11, 9, dim);
    const FeatureSet features = randomFeatures(list, dim, 1.0, dim);
    const LfwResult result = evaluateLfw(verificationRule("sphereface"), list, features, 2);
    ASSERT_EQ(result.fold_accuracy.size(), 10U);
    double sum = 0;
    for (size_t fold = 0; fold < 10; ++fold) {
      double threshold = 0;
      EXPECT_EQ(result.fold_accuracy[fold], literalFoldAccuracy(list, features, fold, &threshold));
      EXPECT_NEAR(result.fold_threshold[fold], threshold, 1e-12);
      sum += result.fold_accuracy[fold];
    }
    EXPECT_NEAR(result.accuracy_mean, sum / 10, 1e-15);
    EXPECT_NEAR(result.standard_error, result.accuracy_std / 3.0, 1e-12);
    EXPECT_EQ(result.values.size(), list.pairs.size());
  }
}

/// Another program on our files: the pairs list, the .npy and the rule, in a few lines of NumPy.
TEST(LfwProtocol, AgreesWithTheRuleInNumpy) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "SPHEREFACE_PYTHON names no Python with numpy";
  const TemporaryFolder folder;
  std::string text = "10\t40\n";
  for (const Pair& pair : randomPairs(10, 40, 30, 4).pairs) {
    const auto fields = [](const std::string& image) {
      return image.substr(0, image.find('/')) + "\t" + image.back();
    };
    text += fields(pair.left) + "\t";
    text += pair.same ? pair.right.substr(pair.right.size() - 1) : fields(pair.right);
    text += "\n";
  }
  writeFileAtomically(folder / "pairs.txt", text);
  const PairList list = readPairs(folder / "pairs.txt");
  const FeatureSet features = randomFeatures(list, 100, 1.4, 4);
  writeFeatures(folder / "features.npy", features);
  const std::string script = R"(
import json, sys
import numpy as np
folder = sys.argv[1]
features = np.load(folder + "/features.npy").astype(np.float64)
rows = {n[:-4]: i for i, n in enumerate(json.load(open(folder + "/features.npy.json"))["names"])}
name = lambda person, number: rows["%s/%s_%04d" % (person, person, int(number))]
left, right, same = [], [], []
for line in open(folder + "/pairs.txt").read().splitlines()[1:]:
    f = line.split("\t")
    same.append(len(f) == 3)
    left.append(name(f[0], f[1]))
    right.append(name(f[0], f[2]) if len(f) == 3 else name(f[2], f[3]))
same, fold = np.array(same), np.arange(len(same)) // 80
candidates = np.arange(-10000, 10001) / 10000
for k in range(10):
    training = fold != k
    mean = np.concatenate([features[left][training], features[right][training]]).mean(axis=0)
    a, b = features[left] - mean, features[right] - mean
    score = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    def right_share(part, t):
        return np.where(same[part], score[part] > t, score[part] < t).mean()
    shares = np.array([right_share(training, t) for t in candidates])
    t = candidates[shares == shares.max()].mean()
    print("%.17g %.17g" % (right_share(~training, t), t))
)";
  std::istringstream theirs(runPython(folder, script, (folder / "").string()));
  const LfwResult result =
      evaluateLfw(verificationRule("sphereface"), list, readFeatures(folder / "features.npy"), 2);
  for (size_t fold = 0; fold < 10; ++fold) {
    double accuracy = -1;
    double threshold = -1;
    theirs >> accuracy >> threshold;
    EXPECT_DOUBLE_EQ(result.fold_accuracy[fold], accuracy);
    EXPECT_NEAR(result.fold_threshold[fold], threshold, 1e-12);
  }
  EXPECT_GT(result.accuracy_mean, 0.7);
  EXPECT_LT(result.accuracy_mean, 0.999);
}

TEST(LfwProtocol, DoesNotDependOnThreadsOrTheOrderOfFeatures) {
  const PairList list = randomPairs(5, 20, 12, 1);
  FeatureSet features = randomFeatures(list, 24, 1.5, 1);
  const LfwResult once = evaluateLfw(verificationRule("sphereface"), list, features, 1);
  EXPECT_EQ(evaluateLfw(verificationRule("sphereface"), list, features, 4).values, once.values);
  FeatureSet reversed = features;
  for (size_t i = 0; i < features.rows; ++i) {
    const size_t other = features.rows - 1 - i;
    reversed.names[i] = features.names[other];
    std::copy_n(features.row(other).begin(), features.dim,
                reversed.values.begin() + static_cast<std::ptrdiff_t>(i * features.dim));
  }
  EXPECT_EQ(evaluateLfw(verificationRule("sphereface"), list, reversed, 1).values, once.values);
}

TEST(LfwProtocol, PerfectFeaturesScoreOneAndNoiseScoresAHalf) {
  const PairList list = randomPairs(10, 300, 200, 5);
  const LfwResult perfect =
      evaluateLfw(verificationRule("sphereface"), list, randomFeatures(list, 64, 0.05, 5), 2);
  EXPECT_EQ(perfect.accuracy_mean, 1.0);
  EXPECT_EQ(perfect.accuracy_std, 0.0);
  EXPECT_EQ(perfect.auc, 1.0);
  EXPECT_EQ(perfect.eer, 0.0);
  EXPECT_EQ(perfect.tar_at_far_1e3, 1.0);
  EXPECT_EQ(perfect.zero_norm_images, 0U);
  const double none = std::numeric_limits<double>::infinity();
  const LfwResult chance =
      evaluateLfw(verificationRule("sphereface"), list, randomFeatures(list, 64, none, 6), 2);
  EXPECT_NEAR(chance.accuracy_mean, 0.5, 0.03);
  EXPECT_NEAR(chance.auc, 0.5, 0.03);
  EXPECT_NEAR(chance.eer, 0.5, 0.03);
}

TEST(LfwProtocol, EqualFeaturesHaveNoDirectionAndAreCounted) {
  const PairList list = randomPairs(3, 5, 6, 2);
  FeatureSet features = randomFeatures(list, 13, 1.0, 2);
  for (size_t i = 0; i < features.values.size(); ++i) {
    features.values[i] = 0.1F * static_cast<float>(1 + i % features.dim);
  }
  const LfwResult result = evaluateLfw(verificationRule("sphereface"), list, features, 1);
  EXPECT_EQ(result.zero_norm_images, features.rows);
  EXPECT_EQ(result.auc, 0.5);
  for (const double score : result.values)
    EXPECT_EQ(score, 0.0);
}

TEST(LfwProtocol, RefusesMissingFeaturesAndASingleFold) {
  const PairList list = randomPairs(3, 5, 6, 2);
  FeatureSet features = randomFeatures(list, 4, 1.0, 2);
  const std::string gone = distinctImages(list)[3];
  features.names[3] = "somebody/else.jpg";
  try {
    evaluateLfw(verificationRule("sphereface"), list, features, 1);
    ADD_FAILURE() << "was accepted";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("1 are missing"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find(gone), std::string::npos) << e.what();
  }
  const PairList one = randomPairs(1, 5, 6, 2);
  EXPECT_THROW(evaluateLfw(verificationRule("sphereface"), one, randomFeatures(one, 4, 1.0, 2), 1),
               Error);
}

}  // namespace
}  // namespace sphereface
