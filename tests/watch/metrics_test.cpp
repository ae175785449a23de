// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/metrics.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"
#include "tests/support/process.h"
#include "watch/run_monitor.h"

namespace sphereface {
namespace {

RunIdentity identity() {
  RunIdentity run;
  run.name = "a \"quoted\" run";
  run.network = "sphereface-4";
  run.head = "A_SOFTMAX m=4";
  run.steps = 100;
  run.classes = 10;
  run.workers = 2;
  run.restarts = 3;
  return run;
}

/// What a job with a listening monitor has been told.
void tell(RunMonitor& monitor) {
  StepSummary step;
  step.step = 41;
  step.images = 64;
  step.figures["loss"] = 5.25;
  step.figures["target_cosine"] = 0.125;
  step.figures["past_margin_share"] = 0.375;
  step.figures["lambda"] = 892.5;
  step.figures["weight_norm"] = 12.5;
  step.figures["loader_seconds"] = 0.25;
  step.figures["forward_seconds"] = 0.5;
  step.figures["communication_seconds"] = 0.0625;
  step.figures["idle_seconds"] = 0.125;
  step.figures["cache_hit_share"] = 48;
  step.figures["cache_bytes"] = 1024;
  step.bad_samples.resize(3);
  step.bad_samples[0].set_reason(StepReport::BadSample::BAD_LABEL);
  monitor.step(step);
  step.skipped = true;
  step.figures["skipped_steps"] = 1;
  step.figures["loss"] = 1e9;
  monitor.step(step);
  IntervalSummary interval;
  interval.figures["images_per_second"] = 640;
  interval.figures["eta_seconds"] = 17;
  interval.ranks = {{320, 0.75, 1 << 20}, {320, 0.5, 0}};
  monitor.interval(interval, {"here", "there"});
  LastHeard heard;
  heard.rank = 1;
  heard.host = "here";
  LastHeard silent = heard;
  silent.rank = 2;
  silent.host = "there";
  silent.ago = std::chrono::seconds(60);
  monitor.workers({heard, silent}, true);
  monitor.leased(48);
  monitor.checkpoint(40, 1.5);
  monitor.rollBack();
  monitor.stragglers(1);
}

std::string addressIn(const std::filesystem::path& run) {
  return readJsonFile(run / "prometheus_targets.json").at(0).at("targets").at(0).text();
}

TEST(Metrics, TellWhatTheJobTold) {
  const TemporaryFolder run;
  RunMonitor monitor(run.path(), CoordinatorConfig(), identity());
  tell(monitor);
  writeFileAtomically(run / "evaluations.jsonl",
                      R"({"time":1,"step":40,"benchmark":"lfw",
{"time":1,"step":40,"benchmark":"lfw","protocol":"sphereface","accuracy_mean":0.99,"tar_at_far":{"1e-3":0.9},"roc":[[0,0.5]]}
{"time":2,"step":40,"benchm)");
  const std::string url = concat("http://", addressIn(run.path()), "/metrics");
  const testing::Finished got = testing::runCommand({"curl", "-s", "-i", url});
  ASSERT_EQ(got.code, 0) << got.output;
  const std::string build = concat("sphereface_build_info{version=\"", SPHEREFACE_VERSION, "\"} 1");
  for (const char* line :
       {"HTTP/1.1 200",
        "text/plain; version=0.0.4",
        "sphereface_loss 5.25",
        "sphereface_lambda 892.5",
        "sphereface_images_total 128",
        "sphereface_steps_total 2",
        "sphereface_target_cosine 0.125",
        "sphereface_past_margin_ratio 0.375",
        "sphereface_loss_at_chance 2.302585",
        "sphereface_weight_norm 12.5",
        "sphereface_step_duration_seconds_sum 1.875",
        "sphereface_step_part_duration_seconds_sum{part=\"loader\"} 0.5",
        "sphereface_step_part_duration_seconds_count{part=\"idle\"} 2",
        "sphereface_cache_hits_total 96",
        "sphereface_cache_bytes 1024",
        "sphereface_workers 2",
        "sphereface_skipped_samples_total{reason=\"undecodable\"} 4",
        "sphereface_skipped_samples_total{reason=\"bad_label\"} 2",
        "sphereface_skipped_samples_total{reason=\"wrong_shape\"} 0",
        "sphereface_skipped_samples_total{reason=\"diverged\"} 64",
        "sphereface_images_per_second 640",
        "sphereface_remaining_seconds 17",
        "sphereface_rank_images_per_second{host=\"there\",rank=\"2\"} 320",
        "sphereface_rank_memory_bytes{host=\"here\",rank=\"1\"} 1048576",
        "sphereface_silent_workers 1",
        "sphereface_straggling_workers 1",
        "sphereface_leased_until_step 48",
        "sphereface_last_checkpoint_duration_seconds 1.5",
        "sphereface_restarts_total 3",
        "sphereface_roll_backs_total 1",
        build.c_str(),
        "run=\"a \\\"quoted\\\" run\"",
        "{benchmark=\"lfw\",metric=\"accuracy_mean\",protocol=\"sphereface\"} 0.99",
        "metric=\"tar_at_far_1e-3\"",
        "process_resident_memory_bytes"}) {
    EXPECT_NE(got.output.find(line), std::string::npos) << line << "\n" << got.output;
  }
}

TEST(Metrics, HaveNamesAndUnitsAsPrometheusWantsThem) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "promtool is not installed";
  const TemporaryFolder run;
  RunMonitor monitor(run.path(), CoordinatorConfig(), identity());
  tell(monitor);
  const testing::Finished checked = testing::runCommand(
      {"sh", "-c",
       concat("curl -s http://", addressIn(run.path()), "/metrics | promtool check metrics")});
  EXPECT_EQ(checked.code, 0) << checked.output;
  EXPECT_EQ(checked.output, "");
}

TEST(RunMonitor, IsATargetOfPrometheusWhileItServes) {
  const TemporaryFolder run;
  {
    const RunMonitor monitor(run.path(), CoordinatorConfig(), identity());
    const Json target = readJsonFile(run / "prometheus_targets.json").at(0);
    EXPECT_EQ(target.at("labels").at("run"), identity().name);
    EXPECT_NE(monitor.describe().find(addressIn(run.path())), std::string::npos);
  }
  EXPECT_EQ(readJsonFile(run / "prometheus_targets.json"), Json::array());
}

TEST(RunMonitor, KeepsItsTokenInAFileOfItsOwnersAlone) {
  namespace fs = std::filesystem;
  const TemporaryFolder run;
  const fs::path file = run / "page_token";
  writeFileAtomically(file, "of a job that was killed, and for all to read");
  fs::permissions(file, fs::perms{0644});
  CoordinatorConfig config;
  config.set_listen_token(true);
  std::string first;
  for (int job = 0; job < 2; ++job) {
    const RunMonitor monitor(run.path(), config, identity());
    EXPECT_EQ(fs::status(file).permissions(), fs::perms{0600});
    const std::string token = readFile(file);
    EXPECT_EQ(token.size(), 32U);
    EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos) << token;
    EXPECT_NE(token, first) << "each job has its own";
    first = token;
    EXPECT_EQ(monitor.describe().find(token), std::string::npos) << monitor.describe();
    EXPECT_NE(monitor.describe().find(file.string()), std::string::npos) << monitor.describe();
    EXPECT_EQ(readFile(run / "prometheus_targets.json").find(token), std::string::npos);
    EXPECT_EQ(monitor.secretUrl(), concat("http://", addressIn(run.path()), "/?token=", token));
    const std::string url = concat("http://", addressIn(run.path()), "/metrics");
    const testing::Finished refused = testing::runCommand({"curl", "-s", "-i", url});
    EXPECT_TRUE(refused.output.starts_with("HTTP/1.1 401")) << refused.output;
    const testing::Finished scraped = testing::runCommand(
        {"curl", "-s", "-i", "-H", concat("Authorization: Bearer ", token), url});
    EXPECT_NE(scraped.output.find("sphereface_workers 2"), std::string::npos) << scraped.output;
  }
  EXPECT_FALSE(exists(file));
}

TEST(RunMonitor, ScrapesWhateverSomebodyAddedToTheScores) {
  const TemporaryFolder run;
  RunMonitor monitor(run.path(), CoordinatorConfig(), identity());
  writeFileAtomically(
      run / "evaluations.jsonl",
      concat(R"({"step":"four","benchmark":"lfw","accuracy_mean":[],"tar_at_far":7})", "\n",
             std::string(100000, '['), "\n", R"({"step":4,"benchmark":"late","rank1":0.5})", "\n"));
  const testing::Finished got =
      testing::runCommand({"curl", "-s", concat("http://", addressIn(run.path()), "/metrics")});
  EXPECT_NE(got.output.find("{benchmark=\"late\",metric=\"rank1\",protocol=\"\"} 0.5"),
            std::string::npos)
      << got.output;
}

TEST(RunMonitor, SaysThatItIsOpenWhicheverOfItsAddressesIs) {
  const TemporaryFolder run;
  CoordinatorConfig config;
  for (const char* listen : {"0.0.0.0:0", "127.0.0.1:0,0.0.0.0:0"}) {
    config.set_listen(listen);
    const RunMonitor monitor(run.path(), config, identity());
    EXPECT_NE(monitor.describe().find("open to every host"), std::string::npos) << listen;
  }
  config.set_listen("127.0.0.1:0,127.0.0.2:0");
  const RunMonitor monitor(run.path(), config, identity());
  EXPECT_EQ(monitor.describe().find("open to every host"), std::string::npos);
}

TEST(RunMonitor, ServesNothingWithoutAnAddress) {
  const TemporaryFolder run;
  CoordinatorConfig config;
  config.set_listen("");
  RunMonitor monitor(run.path(), config, identity());
  tell(monitor);
  EXPECT_FALSE(exists(run / "prometheus_targets.json"));
  EXPECT_NE(monitor.describe().find("coordinator.listen"), std::string::npos);
}

}  // namespace
}  // namespace sphereface
