// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "plan/forecast.h"
#include "plan/lone_exchange.h"
#include "plan/plan_report.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

using testing::Finished;

/// A run that nothing is to be warned of.
PlannedRun calmRun() {
  PlannedRun run;
  run.config.mutable_network()->set_name("sphereface-20");
  SolverConfig& solver = *run.config.mutable_solver();
  solver.set_batch_size(64);
  solver.set_steps(28000);
  for (const double step : {16000.0, 24000.0})
    solver.add_step_value(step);
  run.records = 455594;
  run.classes = 10572;
  run.workers = 2;
  run.host_threads = 4;
  run.host_memory = size_t{1} << 40;
  return run;
}

bool warns(const Forecast& forecast, const std::string& words) {
  for (const PlanWarning& warning : forecast.warnings) {
    if (warning.text.find(words) != std::string::npos) return true;
  }
  return false;
}

TEST(Forecast, PredictsWhatTheEngineHolds) {
  struct Case {
    const char* network;
    uint32_t width;
    uint32_t batch;
    uint64_t classes;
  };
  for (const Case& c : {Case{"sphereface-4", 96, 13, 300},
                        {"sphereface-10", 112, 4, 2000},
                        {"sphereface-20", 96, 6, 10}}) {
    PlannedRun run = calmRun();
    run.workers = 1;
    run.config.mutable_network()->set_name(c.network);
    run.config.mutable_network()->set_width(c.width);
    run.config.mutable_solver()->set_batch_size(c.batch);
    run.classes = c.classes;
    const EngineMemory predicted = forecastRun(run).memory.engine;
    const EngineMemory held = makeEngine(Device::kCpu, engineOptions(run))->memory();
    EXPECT_EQ(predicted.parameters, held.parameters) << c.network;
    EXPECT_EQ(predicted.head, held.head) << c.network;
    EXPECT_NEAR(static_cast<double>(predicted.activations), static_cast<double>(held.activations),
                0.01 * static_cast<double>(held.activations))
        << c.network;
  }
}

TEST(Forecast, PredictsWhatAWorkerHoldsOfSpreadClasses) {
  PlannedRun run = calmRun();
  run.workers = 4;
  run.classes = 2001;
  run.config.mutable_network()->set_name("sphereface-4");
  run.config.mutable_solver()->set_batch_size(16);
  const uint64_t replicated = forecastRun(run).memory.engine.parameters;
  run.config.mutable_head()->set_class_parallel(true);
  for (const auto& [share, energy] : {std::pair(1.0, 0.0), {0.1, 0.0}, {1.0, 0.5}}) {
    run.config.mutable_head()->set_sample_rate(share);
    run.config.mutable_head()->set_mhe_weight(energy);
    const EngineMemory predicted = forecastRun(run).memory.engine;
    EngineOptions options = engineOptions(run);
    EXPECT_EQ(options.classes, 501);
    LoneExchange exchange(16);
    options.exchange = &exchange;
    const EngineMemory held = makeEngine(Device::kCpu, options)->memory();
    EXPECT_EQ(predicted.parameters, held.parameters);
    EXPECT_EQ(predicted.head, held.head);
    if (share == 1) {
      EXPECT_EQ(replicated - held.parameters, 3 * 4 * 512 * (2001U - 501));
    }
  }
}

/// A worker takes its virtual shards one after the other, and keeps sums of some.
TEST(Forecast, KnowsOfVirtualShards) {
  PlannedRun run = calmRun();
  const Forecast plain = forecastRun(run);
  run.config.mutable_solver()->set_reproducible_shards(16);
  const Forecast sharded = forecastRun(run);
  EXPECT_EQ(plain.memory.shard_tree, 0U);
  EXPECT_EQ(engineOptions(run).batch, 4);
  EXPECT_EQ(sharded.worker_batch, 4U);
  // 2 workers with 8 each: sums of 1, 2 and 4 can wait at a time.
  EXPECT_EQ(sharded.memory.shard_tree, 3 * plain.allreduce_bytes);
  EXPECT_LT(sharded.memory.engine.activations, plain.memory.engine.activations / 4);
  EXPECT_EQ(sharded.memory.ofHost(), sharded.memory.engine.total() + sharded.memory.shard_tree +
                                         sharded.memory.loader + sharded.memory.checkpoint);
  Probe probe;
  probe.pass_seconds = 1;
  probe.update_seconds = 0.5;
  probe.threads = 1;
  run.host_threads = 2;
  EXPECT_EQ(stepSeconds(run, probe), 8.5);
}

TEST(Forecast, SaysWhetherToSpreadTheClasses) {
  PlannedRun run = calmRun();
  run.config.mutable_head()->set_class_parallel(true);
  EXPECT_FALSE(warns(forecastRun(run), "spread"));
  run.classes = 300;
  EXPECT_TRUE(warns(forecastRun(run), "spread classes exchange"));
  run.workers = 1;
  EXPECT_TRUE(warns(forecastRun(run), "over one worker"));
  run.workers = 2;
  run.config.mutable_head()->set_class_parallel(false);
  EXPECT_FALSE(warns(forecastRun(run), "spread"));
  run.classes = 1000000;
  EXPECT_TRUE(warns(forecastRun(run), "spread, they would not travel"));
  const uint64_t replicated = forecastRun(run).allreduce_bytes;
  run.config.mutable_head()->set_class_parallel(true);
  EXPECT_EQ(replicated - forecastRun(run).allreduce_bytes, 1000000U * 512 * 4);
  EXPECT_EQ(forecastRun(run).exchange_bytes, 64U * 4 * (2 * 512 + 4));
  run.config.mutable_head()->set_mhe_weight(1);
  EXPECT_EQ(forecastRun(run).exchange_bytes, 64U * 4 * (4 * 512 + 4));
}

TEST(Forecast, CoversWhatTheFastestConvolutionsTake) {
  PlannedRun run = calmRun();
  run.workers = 1;
  run.config.mutable_network()->set_name("sphereface-10");
  run.config.mutable_solver()->set_batch_size(4);
  run.config.mutable_worker()->set_convolution(WorkerConfig::FASTEST);
  EngineOptions options = engineOptions(run);
  for (size_t layer = 0; layer < options.network.convs.size(); ++layer)
    options.convolution_algorithms += "www ";
  // What a measurement would choose takes this much or less.
  const auto most = static_cast<double>(makeEngine(Device::kCpu, options)->memory().activations);
  const auto predicted = static_cast<double>(forecastRun(run).memory.engine.activations);
  EXPECT_NEAR(predicted, most, 0.01 * most);
}

TEST(Forecast, AgreesWithPublishedNumbers) {
  const Forecast forecast = forecastRun(calmRun());
  EXPECT_NEAR(static_cast<double>(forecast.trunk_parameters) / 1e6, 22.67, 0.005);
  EXPECT_EQ(forecast.head_parameters, 10572U * 512);
  // 10.5 GFLOP an image; gradients of 90.7 MB and 21.7 MB.
  EXPECT_NEAR(forecast.flops_per_image / 1e9, 10.5, 0.05);
  EXPECT_NEAR(static_cast<double>(forecast.allreduce_bytes) / 1e6, 90.7 + 21.7, 0.1);
  EXPECT_EQ(forecast.memory.engine.parameters, 3 * forecast.allreduce_bytes);
  EXPECT_GT(forecast.memory.engine.head, 32U * 10572 * 4) << "the logits and some workspace";
  EXPECT_EQ(forecast.worker_batch, 32U);
  EXPECT_EQ(forecast.checkpoint_bytes, 2 * forecast.allreduce_bytes);
  EXPECT_TRUE(forecast.warnings.empty()) << forecast.warnings.front().text;
  PlannedRun alone = calmRun();
  alone.workers = 1;
  EXPECT_EQ(forecastRun(alone).allreduce_bytes, 0U);
}

TEST(Forecast, ItsScheduleIsTheRuns) {
  PlannedRun run = calmRun();
  const Forecast by_steps = forecastRun(run);
  ASSERT_EQ(by_steps.schedule.size(), 5U);
  EXPECT_NEAR(by_steps.schedule[0].head.lambda, 892.857117, 1e-4);
  EXPECT_EQ(by_steps.schedule[1].head.lambda, 5);
  EXPECT_EQ(by_steps.schedule[4].step, 27999U);
  EXPECT_NEAR(by_steps.schedule[4].learning_rate, 0.001, 1e-12);
  EXPECT_NEAR(by_steps.schedule[3].learning_rate, 0.01, 1e-12);
  run.config.mutable_solver()->set_epochs(3);
  run.config.mutable_solver()->set_iter_size(2);
  const Forecast by_epochs = forecastRun(run);
  EXPECT_EQ(by_epochs.length.images_per_step, 128U);
  EXPECT_EQ(by_epochs.length.steps, (3 * 455594 + 127) / 128);
  EXPECT_NEAR(by_epochs.schedule[0].head.lambda, 806.451599, 1e-4) << "after two passes";
}

TEST(Forecast, CountsTheCheckpointsKept) {
  PlannedRun run = calmRun();
  CheckpointConfig& checkpoint = *run.config.mutable_checkpoint();
  EXPECT_EQ(forecastRun(run).checkpoints, 1U) << "only the last";
  checkpoint.set_every_steps(3000);
  EXPECT_EQ(forecastRun(run).checkpoints, 3U);
  checkpoint.set_initial(true);
  EXPECT_EQ(forecastRun(run).checkpoints, 4U);
  checkpoint.set_keep(0);
  EXPECT_EQ(forecastRun(run).checkpoints, 11U) << "9 x 3000, the last, the initial one";
}

TEST(Forecast, WarnsOfWhatIsProbablyNotMeant) {
  PlannedRun run = calmRun();
  run.classes = 1000000;
  EXPECT_TRUE(warns(forecastRun(run), "the head of 1000000 classes takes "));
  run = calmRun();
  run.config.mutable_network()->set_name("sphereface-4");
  run.config.mutable_solver()->set_batch_size(4);
  run.classes = 10;
  EXPECT_TRUE(warns(forecastRun(run), "the fc layer takes "));
  run = calmRun();
  run.config.mutable_solver()->set_batch_size(65);
  EXPECT_TRUE(warns(forecastRun(run), "solver.batch_size 65 isn't divisible by 2 workers"));
  run = calmRun();
  run.config.mutable_solver()->set_steps(1658);
  EXPECT_TRUE(warns(forecastRun(run), "never reaches head.lambda.minimum 5"));
  EXPECT_TRUE(warns(forecastRun(run), "(it would at step 1659)"));
  run.config.mutable_solver()->set_steps(1659);
  EXPECT_FALSE(warns(forecastRun(run), "lambda"));
  run.config.mutable_head()->mutable_lambda()->set_images_per_iteration(512);
  EXPECT_TRUE(warns(forecastRun(run), "(it would at step 13267)")) << "1658.33 x 8, rounded up";
  run = calmRun();
  run.config.mutable_solver()->set_steps(1000);
  EXPECT_EQ(forecastRun(run).warnings[0].fix,
            "solver.steps: 1659 or more, or head.lambda.gamma: 0.4 to be there after half of the "
            "run");
  run.config.mutable_head()->mutable_lambda()->set_gamma(0.4);
  EXPECT_TRUE(forecastRun(run).warnings.empty());
  run = calmRun();
  run.config.mutable_solver()->set_warmup(28001);
  EXPECT_TRUE(warns(forecastRun(run), "solver.warmup is longer than the run of 28000 steps"));
  run = calmRun();
  run.host_memory = 1000000000;
  EXPECT_TRUE(warns(forecastRun(run), "2 workers need "));
}

class Plan : public ::testing::Test {
 protected:
  void SetUp() override {
    writeFileAtomically(config_, concat(R"(name: "planned"
data { lmdb: ")",
                                        absent_.string(), R"(" }
network { name: "sphereface-4" }
solver { batch_size: 16 epochs: 2 policy: POLY warmup: 5 }
)"));
  }

  Finished plan(const std::vector<std::string>& more) const {
    std::vector<std::string> line = {testing::program("sphereface"), "plan", "--config",
                                     config_.string()};
    line.insert(line.end(), more.begin(), more.end());
    return testing::runCommand(line);
  }

  const TemporaryFolder folder_;
  const std::filesystem::path config_ = folder_ / "config.textproto";
  const std::filesystem::path absent_ = folder_ / "absent";
};

TEST_F(Plan, MeasuresTheMemoryItPredicts) {
  const std::string json = (folder_ / "plan.json").string();
  const Finished done = plan({"--records", "1000", "--classes", "500", "--workers", "2", "--set",
                              "worker.threads=1", "--json", json});
  ASSERT_EQ(done.code, 0) << done.output;
  const Json result = readJsonFile(json);
  EXPECT_EQ(result.at("steps"), 125);
  EXPECT_EQ(result.at("effective_batch"), 16);
  EXPECT_EQ(result.at("worker_batch"), 8);
  EXPECT_EQ(result.at("schedule").size(), 5U);
  EXPECT_GE(result.at("probe").at("steps"), 1);
  EXPECT_GT(result.at("images_per_second"), 0);
  EXPECT_GT(result.at("hours"), 0);
  const auto predicted = result.at("probe").at("predicted_bytes").get<double>();
  const auto measured = result.at("probe").at("measured_bytes").get<double>();
  // Sanitizers and oneDNN's own scratch memory come on top.
  EXPECT_GT(measured, 0.95 * predicted) << done.output;
#ifndef __SANITIZE_ADDRESS__
  EXPECT_LT(measured, 1.2 * predicted + 50e6) << done.output;
#endif
  for (const char* words : {"effective batch", "allreduce", "logits", "time to finish",
                            "lambda ends at", "predicted ", "measured ", "assumed"}) {
    EXPECT_NE(done.output.find(words), std::string::npos) << words << "\n" << done.output;
  }
}

TEST_F(Plan, WithoutAProbeItTakesNoTime) {
  const std::string json = (folder_ / "plan.json").string();
  const Finished done =
      plan({"--records", "1000", "--classes", "500", "--no-probe", "--json", json});
  ASSERT_EQ(done.code, 0) << done.output;
  EXPECT_FALSE(readJsonFile(json).contains("images_per_second"));
  EXPECT_EQ(done.output.find("time to finish"), std::string::npos) << done.output;
}

TEST_F(Plan, WhatDoesNotFitIsNotProbed) {
  const Finished done = plan({"--records", "1000", "--classes", "1000000000"});
  ASSERT_EQ(done.code, 0) << done.output;
  EXPECT_NE(done.output.find("no probe: a worker doesn't fit"), std::string::npos) << done.output;
  EXPECT_NE(done.output.find("warning: 1 worker needs "), std::string::npos) << done.output;
}

/// Where there is no GPU, its memory can be planned all the same.
TEST_F(Plan, PlansRunsOnGpus) {
  const std::string json = (folder_ / "plan.json").string();
  const Finished done =
      plan({"--records", "1000", "--classes", "500", "--workers", "2", "--set",
            "worker.device=CUDA", "--set", "head.class_parallel=true", "--json", json});
  ASSERT_EQ(done.code, 0) << done.output;
  for (const char* words : {"memory of a worker's GPU", "memory of a worker's host", "no probe: "})
    EXPECT_NE(done.output.find(words), std::string::npos) << words << "\n" << done.output;
  const Json memory = readJsonFile(json).at("memory_bytes");
  EXPECT_GT(memory.at("gpu"), memory.at("host"));
}

TEST_F(Plan, WrongUsageIsNamed) {
  struct Case {
    std::vector<std::string> arguments;
    int code;
    std::string words;
  };
  for (const Case& c :
       {Case{{}, 1, concat("no such data set: ", absent_.string())},
        {{"--records", "1000"}, 2, "--classes"},
        {{"--records", "0", "--classes", "5"}, 2, "--records"},
        {{"--workers", "0"}, 2, "--workers"},
        {{"--workers", "17"}, 2, "gives some of the 17 workers no image"},
        {{"--set", "solver.epochs=0"}, 2, "solver.epochs: 0 is outside (0, 1e6] epochs"},
        {{"--set", "network.name=vgg"}, 2, "is unknown"},
        {{"--config", absent_.string()}, 2, "--config"}}) {
    const Finished done = plan(c.arguments);
    EXPECT_EQ(done.code, c.code) << done.output;
    EXPECT_NE(done.output.find(c.words), std::string::npos) << c.words << "\n" << done.output;
  }
  const Finished bare = testing::runCommand({testing::program("sphereface"), "plan"});
  EXPECT_EQ(bare.code, 2) << bare.output;
}

}  // namespace
}  // namespace sphereface
