// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"
#include "watch/run_curves.h"

namespace sphereface {
namespace {

class RunLogTest : public ::testing::Test {
 protected:
  static RunShape shape() {
    RunShape shape;
    shape.steps = 1000;
    shape.records = 640;
    shape.classes = 299;
    shape.log_every_steps = 10;
    shape.world_size = 2;
    return shape;
  }

  static StepSummary stepAt(uint64_t step, double loss) {
    StepSummary summary;
    summary.step = step;
    summary.images = 64;
    summary.figures["loss"] = loss;
    return summary;
  }

  std::string events() const { return readFile(folder_ / "events.jsonl"); }

  const TemporaryFolder folder_;
  LogOutput output_{CoordinatorConfig::TEXT, "rank 0@here"};
};

TEST_F(RunLogTest, ALossStuckAtChanceIsNamedOnce) {
  RunLog log(folder_.path(), shape(), output_);
  for (uint64_t step = 0; step < 600; ++step)
    log.step(stepAt(step, std::log(299) + 0.01));
  const std::string text = events();
  const size_t first = text.find("\"event\":\"stuck\"");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find("\"event\":\"stuck\"", first + 1), std::string::npos) << text;
  EXPECT_NE(text.find("the loss has stayed at ln C = 5.70"), std::string::npos) << text;
}

TEST_F(RunLogTest, ALossThatMovesIsNot) {
  RunLog log(folder_.path(), shape(), output_);
  for (uint64_t step = 0; step < 600; ++step) {
    log.step(stepAt(step, std::log(299) - 0.002 * static_cast<double>(step)));
  }
  EXPECT_EQ(events().find("stuck"), std::string::npos);
}

TEST_F(RunLogTest, TheWaitForImagesIsAShareOfTheStep) {
  RunLog log(folder_.path(), shape(), output_);
  for (uint64_t step = 0; step < 20; ++step) {
    StepSummary summary = stepAt(step, 3);
    summary.ranks = {{32, 0.1, 0}, {32, 0.3, 500}};
    summary.figures["loader_seconds"] = step < 10 ? 0 : 0.04;
    summary.figures["forward_seconds"] = 0.06;
    summary.figures["backward_seconds"] = 0.1;
    summary.figures["cache_hit_share"] = 16;
    summary.figures["cache_bytes"] = 4096;
    log.step(summary);
  }
  log.finish(0);
  std::ifstream lines(folder_ / "metrics.jsonl");
  std::string first;
  std::string second;
  std::getline(lines, first);
  std::getline(lines, second);
  EXPECT_EQ(parseJson(first)["loader_share"], 0);
  EXPECT_NEAR(parseJson(second)["loader_share"].get<double>(), 0.2, 1e-9);
  EXPECT_EQ(parseJson(second)["cache_hit_share"], 0.25);
  EXPECT_EQ(parseJson(second)["cache_bytes"], 4096);
  EXPECT_NEAR(parseJson(second)["backward_seconds"].get<double>(), 0.1, 1e-9);
  EXPECT_NEAR(parseJson(second)["rank_work_seconds"][1].get<double>(), 0.3, 1e-9);
  EXPECT_EQ(parseJson(second)["rank_memory_bytes"], Json::array({0, 500}));
  const Json summary = parseJson(readFile(folder_ / "summary.json"));
  EXPECT_NEAR(summary["loader_share"].get<double>(), 0.4 / 3.6, 1e-9);
}

TEST_F(RunLogTest, ClippedStepsAreCounted) {
  RunShape clipping = shape();
  clipping.clip_gradients = 2;
  RunLog log(folder_.path(), clipping, output_);
  for (uint64_t step = 0; step < 10; ++step) {
    StepSummary summary = stepAt(step, 3);
    summary.figures["gradient_norm"] = 0.5 * static_cast<double>(step);
    log.step(summary);
  }
  const Json line = parseJson(readFile(folder_ / "metrics.jsonl"));
  EXPECT_EQ(line.at("clipped_steps"), 5) << "2.5 and above";
  EXPECT_EQ(line.at("gradient_norm"), 4.5) << "as it was";
}

TEST_F(RunLogTest, RollBacksAreCounted) {
  RunLog log(folder_.path(), shape(), output_);
  RollBack done;
  done.set_step(7);
  done.set_checkpoint("checkpoints/step-00000005");
  log.rollBack(done);
  for (uint64_t step = 0; step < 10; ++step)
    log.step(stepAt(step, 3));
  log.finish(0);
  EXPECT_EQ(parseJson(readFile(folder_ / "metrics.jsonl")).at("roll_backs"), 1);
  EXPECT_EQ(parseJson(readFile(folder_ / "summary.json")).at("roll_backs"), 1);
  const Json event = parseJson(events());
  EXPECT_EQ(event.at("event"), "roll_back");
  EXPECT_EQ(event.at("step"), 7);
  EXPECT_EQ(event.at("checkpoint"), "checkpoints/step-00000005");
}

TEST_F(RunLogTest, APlotOfAResumedRunForgetsWhatDidNotHappen) {
  for (const uint64_t first : {0U, 20U}) {
    RunShape resumed = shape();
    resumed.first_step = first;
    RunLog log(folder_.path(), resumed, output_);
    for (uint64_t step = first; step < 50; ++step)
      log.step(stepAt(step, 3));
  }
  EXPECT_TRUE(std::filesystem::exists(writeTrainingPlot(folder_.path(), "resumed")));
}

}  // namespace
}  // namespace sphereface
