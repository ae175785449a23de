// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/roc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>

#include "evaluation/largest_scores.h"
#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

using Scores = std::vector<double>;

/// 10 of the 12 (same, different) comparisons are won: 0.9 and 0.8 all three, 0.6 and 0.4 two.
TEST(Roc, AgreesWithASmallExampleWorkedByHand) {
  const Scores same = {0.9, 0.8, 0.6, 0.4};
  const Scores different = {0.7, 0.3, 0.2};
  const std::vector<RocPoint> roc = rocCurve(same, different);
  EXPECT_EQ(roc.size(), 8U);
  EXPECT_DOUBLE_EQ(rocArea(roc), 10.0 / 12.0);
  EXPECT_DOUBLE_EQ(tarAtFar(roc, 0), 0.5);
  EXPECT_DOUBLE_EQ(tarAtFar(roc, 0.33), 0.5);
  EXPECT_DOUBLE_EQ(tarAtFar(roc, 1.0 / 3.0), 1.0);
  // Along FAR = 1/3 TAR rises from 1/2 to 1 and passes 2/3.
  EXPECT_DOUBLE_EQ(equalErrorRate(roc), 1.0 / 3.0);
}

TEST(Roc, PerfectReversedAndConstantScores) {
  EXPECT_EQ(rocArea(rocCurve(Scores{3, 4}, Scores{1, 2})), 1.0);
  EXPECT_EQ(equalErrorRate(rocCurve(Scores{3, 4}, Scores{1, 2})), 0.0);
  EXPECT_EQ(rocArea(rocCurve(Scores{1, 2}, Scores{3, 4})), 0.0);
  EXPECT_EQ(equalErrorRate(rocCurve(Scores{1, 2}, Scores{3, 4})), 1.0);
  const std::vector<RocPoint> constant = rocCurve(Scores{1, 1, 1}, Scores{1, 1});
  EXPECT_EQ(constant.size(), 2U);
  EXPECT_EQ(rocArea(constant), 0.5);
  EXPECT_EQ(equalErrorRate(constant), 0.5);
  EXPECT_EQ(tarAtFar(constant, 0.5), 0.0);
  EXPECT_THROW(rocCurve(Scores{}, Scores{1}), Error);
}

TEST(Roc, AreaIsTheShareOfWonComparisonsWithTiesCountedHalf) {
  Random random(7);
  Scores same;
  Scores different;
  for (int i = 0; i < 301; ++i)
    same.push_back(static_cast<double>(random.below(20) + 3));
  for (int i = 0; i < 257; ++i)
    different.push_back(static_cast<double>(random.below(20)));
  double won = 0;
  for (const double s : same) {
    for (const double d : different)
      won += s > d ? 1.0 : s == d ? 0.5 : 0.0;
  }
  EXPECT_NEAR(rocArea(rocCurve(same, different)), won / (301.0 * 257.0), 1e-12);
}

TEST(Roc, OfTheHighestScoresAloneIsTheBeginningOfTheWholeCurve) {
  Random random(8);
  Scores same;
  Scores different;
  for (int i = 0; i < 200; ++i)
    same.push_back(static_cast<double>(random.below(40) + 20));
  for (int i = 0; i < 3000; ++i)
    different.push_back(static_cast<double>(random.below(60)));
  const std::vector<RocPoint> whole = rocCurve(same, different);
  // The highest are gathered in pieces.
  LargestScores largest(700);
  for (size_t begin = 0; begin < different.size(); begin += 7) {
    const size_t end = std::min(different.size(), begin + 7);
    largest.add(std::vector<float>(different.begin() + static_cast<std::ptrdiff_t>(begin),
                                   different.begin() + static_cast<std::ptrdiff_t>(end)));
  }
  const std::vector<float> kept = largest.take();
  Scores sorted = different;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  sorted.resize(700);
  EXPECT_EQ(Scores(kept.begin(), kept.end()), sorted);
  const std::vector<RocPoint> part = rocCurve(same, sorted, different.size());
  ASSERT_GT(part.size(), 2U);
  ASSERT_LT(part.size(), whole.size());
  for (size_t i = 0; i < part.size(); ++i) {
    EXPECT_EQ(part[i].threshold, whole[i].threshold);
    EXPECT_EQ(part[i].far, whole[i].far);
    EXPECT_EQ(part[i].tar, whole[i].tar);
  }
  // It ends above the lowest score kept, of which more may have been left out.
  EXPECT_GT(part.back().threshold, sorted.back());
  EXPECT_LE(whole[part.size()].threshold, sorted.back());
}

TEST(Roc, AgreesWithScikitLearn) {
  if (!pythonHas("sklearn")) GTEST_SKIP() << "SPHEREFACE_PYTHON names no Python with scikit-learn";
  const TemporaryFolder folder;
  Random random(11);
  Scores same;
  Scores different;
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    // Two decimals: many ties.
    same.push_back(std::round(100 * (0.6 + 0.4 * random.normal())));
    different.push_back(std::round(100 * 0.4 * random.normal()));
    text += concat("1 ", same.back(), "\n0 ", different.back(), "\n");
  }
  writeFileAtomically(folder / "scores.txt", text);
  const std::string script = R"(
import sys
import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve
label, score = np.loadtxt(sys.argv[1] + "/scores.txt").T
far, tar, thresholds = roc_curve(label, score, drop_intermediate=False)
print("%.17g %d" % (roc_auc_score(label, score), len(far)))
for f in 1e-3, 1e-2, 1e-1:
    print("%.17g" % tar[far <= f].max())
print("%.17g %.17g" % (far.sum(), tar.sum()))
)";
  std::istringstream theirs(runPython(folder, script, (folder / "").string()));
  const auto next = [&] {
    double value = -1;
    theirs >> value;
    return value;
  };
  const std::vector<RocPoint> roc = rocCurve(same, different);
  EXPECT_NEAR(rocArea(roc), next(), 1e-12);
  EXPECT_EQ(static_cast<double>(roc.size()), next());
  for (const double far : {1e-3, 1e-2, 1e-1})
    EXPECT_DOUBLE_EQ(tarAtFar(roc, far), next());
  double far_sum = 0;
  double tar_sum = 0;
  for (const RocPoint& point : roc) {
    far_sum += point.far;
    tar_sum += point.tar;
  }
  EXPECT_NEAR(far_sum, next(), 1e-9);
  EXPECT_NEAR(tar_sum, next(), 1e-9);
}

}  // namespace
}  // namespace sphereface
