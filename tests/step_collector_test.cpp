// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/step_collector.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace sphereface {
namespace {

StepReport report(uint64_t step, uint64_t images, double loss_sum,
                  const std::vector<uint64_t>& records) {
  StepReport r;
  r.set_step(step);
  r.set_images(images);
  r.set_loss_sum(loss_sum);
  r.set_correct(1);
  for (const uint64_t id : records)
    r.add_record(id);
  return r;
}

TEST(StepCollector, AStepIsWholeWhenAllWorkersReportedIt) {
  StepCollector collector(2, 1);
  EXPECT_FALSE(collector.add(1, report(0, 3, 9, {4, 5, 6})));
  EXPECT_FALSE(collector.add(1, report(1, 3, 6, {14, 15, 16})));
  const auto first = collector.add(0, report(0, 1, 3, {3}));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->step, 0U);
  EXPECT_EQ(first->images, 4U);
  EXPECT_DOUBLE_EQ(first->loss, 3);
  EXPECT_DOUBLE_EQ(first->accuracy, 0.5);
  EXPECT_EQ(first->records, (std::vector<uint64_t>{3, 4, 5, 6}));
}

TEST(StepCollector, RecordsOfSeveralPassesAreInTheOrderOfTheGlobalBatches) {
  StepCollector collector(2, 2);
  collector.add(0, report(0, 2, 0, {1, 3}));
  const auto step = collector.add(1, report(0, 2, 0, {2, 4}));
  EXPECT_EQ(step->records, (std::vector<uint64_t>{1, 2, 3, 4}));
}

TEST(StepCollector, RefusesAStepReportedTwice) {
  StepCollector collector(2, 1);
  collector.add(0, report(0, 1, 0, {}));
  EXPECT_THROW(collector.add(0, report(0, 1, 0, {})), Error);
}

}  // namespace
}  // namespace sphereface
