// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/step_collector.h"

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
  EXPECT_DOUBLE_EQ(first->figures["loss"], 3);
  EXPECT_DOUBLE_EQ(first->figures["accuracy"], 0.5);
  EXPECT_EQ(first->records, (std::vector<uint64_t>{3, 4, 5, 6}));
}

TEST(StepCollector, PartsAreMeansOverWorkersAndWorkIsEachOnesOwn) {
  StepCollector collector(2, 1);
  StepReport first = report(0, 3, 0, {});
  first.set_past_margin(1);
  first.set_loader_seconds(0.25);
  first.set_backward_seconds(1);
  first.set_communication_seconds(0.5);
  first.set_idle_seconds(2);
  first.set_weight_norm(7);
  first.set_memory_bytes(1000);
  StepReport second = report(0, 1, 0, {});
  second.set_past_margin(1);
  second.set_backward_seconds(2);
  first.set_mfu(0.25);
  second.set_mfu(0.5);
  collector.add(0, first);
  const auto step = collector.add(1, second);
  EXPECT_DOUBLE_EQ(step->figures["past_margin_share"], 0.5);
  EXPECT_DOUBLE_EQ(step->figures["loader_seconds"], 0.125);
  EXPECT_DOUBLE_EQ(step->figures["backward_seconds"], 1.5);
  EXPECT_DOUBLE_EQ(step->figures["idle_seconds"], 1);
  EXPECT_DOUBLE_EQ(partsOf(step->figures), 0.125 + 1.5 + 0.25 + 1);
  EXPECT_EQ(step->figures["weight_norm"], 7);
  EXPECT_DOUBLE_EQ(step->figures["mfu"], 0.375);
  ASSERT_EQ(step->ranks.size(), 2U);
  EXPECT_DOUBLE_EQ(step->ranks[0].work_seconds, 1.25);
  EXPECT_DOUBLE_EQ(step->ranks[1].work_seconds, 2);
  EXPECT_EQ(step->ranks[0].memory_bytes, 1000U);
  EXPECT_EQ(step->ranks[1].images, 1U);
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
