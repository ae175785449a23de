// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/stragglers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace sphereface {
namespace {

StepReport report(double loader, double backward) {
  StepReport report;
  report.set_loader_seconds(loader);
  report.set_backward_seconds(backward);
  // Waiting for others is no work.
  report.set_communication_seconds(100);
  return report;
}

TEST(Stragglers, AreSlowForTwoIntervals) {
  Stragglers stragglers(3);
  auto interval = [&](double loader, double backward) {
    for (int step = 0; step < 4; ++step) {
      stragglers.add(0, report(0.1, 0.9));
      stragglers.add(1, report(loader, backward));
      stragglers.add(2, report(0.0, 1.1));
    }
    return stragglers.endInterval();
  };
  EXPECT_TRUE(interval(0.1, 0.9).empty());
  EXPECT_TRUE(interval(3, 1).empty()) << "once may be an accident";
  EXPECT_TRUE(interval(0.1, 0.9).empty());
  EXPECT_TRUE(interval(3, 1).empty());
  const std::vector<Stragglers::Change> slow = interval(3, 1);
  ASSERT_EQ(slow.size(), 1U);
  EXPECT_EQ(slow[0].worker, 1);
  EXPECT_TRUE(slow[0].slow);
  EXPECT_NEAR(slow[0].ratio, 4 / 1.1, 1e-9);
  EXPECT_NEAR(slow[0].loader_share, 0.75, 1e-9);
  EXPECT_EQ(stragglers.count(), 1);
  EXPECT_TRUE(interval(0.1, 1.3).empty()) << "told once";
  const std::vector<Stragglers::Change> well = interval(0, 1);
  ASSERT_EQ(well.size(), 1U);
  EXPECT_FALSE(well[0].slow);
  EXPECT_EQ(stragglers.count(), 0);
}

/// Of an even number of others with the upper one in the middle.
TEST(Stragglers, AreComparedWithTheMedianOfTheOthers) {
  for (const std::vector<double>& work : std::vector<std::vector<double>>{
           {1, 4}, {9, 1, 2}, {1, 1, 2, 9}, {3, 3, 3, 9, 4}, {10, 1, 2, 3, 5, 4}}) {
    Stragglers stragglers(static_cast<int>(work.size()));
    std::vector<Stragglers::Change> changes;
    for (int interval = 0; interval < 2; ++interval) {
      for (size_t i = 0; i < work.size(); ++i)
        stragglers.add(static_cast<int>(i), report(0, work[i]));
      changes = stragglers.endInterval();
    }
    size_t slow = 0;
    for (size_t i = 0; i < work.size(); ++i) {
      std::vector<double> others = work;
      others.erase(others.begin() + static_cast<ptrdiff_t>(i));
      std::sort(others.begin(), others.end());
      const double middle = others[others.size() / 2];
      if (work[i] / middle <= 1.5) continue;
      ASSERT_LT(slow, changes.size());
      EXPECT_EQ(changes[slow].worker, static_cast<int>(i));
      EXPECT_DOUBLE_EQ(changes[slow++].ratio, work[i] / middle);
    }
    EXPECT_EQ(slow, changes.size());
  }
}

TEST(Stragglers, OneWorkerKeepsNobodyWaiting) {
  Stragglers stragglers(1);
  stragglers.add(0, report(1, 1));
  EXPECT_TRUE(stragglers.endInterval().empty());
}

}  // namespace
}  // namespace sphereface
