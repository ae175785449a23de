// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/stragglers.h"

#include <gtest/gtest.h>

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

TEST(Stragglers, OneWorkerKeepsNobodyWaiting) {
  Stragglers stragglers(1);
  stragglers.add(0, report(1, 1));
  EXPECT_TRUE(stragglers.endInterval().empty());
}

}  // namespace
}  // namespace sphereface
