// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/devkit_curves.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sphereface {
namespace {

using Counts = std::vector<uint64_t>;
using Numbers = std::vector<double>;

TEST(DevkitCurves, CmcHasAPointWhereItRoseByAHundredth) {
  // 200 searches: half a percent is too little for a point, 1.5 are enough, the last has one
  // anyway.
  const Curve curve = devkitCmc(Counts{100, 1, 2, 0, 96, 1, 0});
  EXPECT_EQ(curve.x, (Numbers{0, 2, 4, 6}));
  const Numbers expected = {100.F / 200, 103.F / 200, 199.F / 200, 1};
  EXPECT_EQ(curve.y, expected);
  EXPECT_EQ(devkitCmc(Counts{3}).x, Numbers{0});
}

TEST(DevkitCurves, RocCountsThePositivesAboveEachNegative) {
  // Of four negatives none is above two positives, one above a third, all above the fourth.
  const Counts above = {4, 0, 1, 0};
  const Curve curve = devkitRoc(above, 4);
  EXPECT_EQ(curve.x, (Numbers{0, 0.25, 1}));
  EXPECT_EQ(curve.y, (Numbers{0.5, 0.75, 1}));
  EXPECT_EQ(devkitTarAtFar(above, 4, 0.2), 0.5);
  EXPECT_EQ(devkitTarAtFar(above, 4, 0.25), 0.75);
  EXPECT_EQ(devkitTarAtFar(above, 4, 1), 1.0);
  // The curve begins at FAR 0 also when every positive has a negative above it.
  EXPECT_EQ(devkitRoc(Counts{2}, 4).x, (Numbers{0, 0.5, 1}));
  EXPECT_EQ(devkitRoc(Counts{2}, 4).y, (Numbers{0, 1, 1}));
  // Floor of the FAR times the negatives, although 3e-5 * 100000 is a little less than 3.
  EXPECT_EQ(devkitTarAtFar(Counts{3, 4}, 100000, 3e-5), 0.5);
}

TEST(DevkitCurves, RocIsTheWalkOverAllNegatives) {
  std::mt19937 random(5);
  for (const uint64_t negatives : {1, 7, 250}) {
    Counts above(130);
    for (uint64_t& count : above)
      count = std::min<uint64_t>(random() % (2 * negatives), random() % (negatives + 1));
    Curve expected;
    float before = -1;
    for (uint64_t f = 0; f <= negatives; ++f) {
      float accepted = 0;
      for (const uint64_t count : above)
        accepted += count <= f ? 1 : 0;
      const float rate = accepted / 130;
      if (rate - before > 0.01 || f == negatives) {
        expected.x.push_back(static_cast<double>(f) / static_cast<double>(negatives));
        expected.y.push_back(rate);
        before = rate;
      }
    }
    EXPECT_EQ(devkitRoc(above, negatives).x, expected.x);
    EXPECT_EQ(devkitRoc(above, negatives).y, expected.y);
  }
}

TEST(DevkitCurves, DrawsAreTheStandardLibrarysOfTheKit) {
  DevkitDraw ours;
  std::minstd_rand0 engine(1);
  for (int i = 0; i < 2000; ++i) {
    const size_t count = 1 + static_cast<size_t>(i) % 50;
    EXPECT_EQ(ours.below(count), std::uniform_int_distribution<size_t>(0, count - 1)(engine));
  }
}

}  // namespace
}  // namespace sphereface
