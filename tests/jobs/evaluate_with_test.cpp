// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface train --evaluate-with`: checkpoints are scored beside the training and after it.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "model/checkpoint.h"
#include "tests/support/job_support.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

class EvaluateWith : public Job {
 protected:
  static void SetUpTestSuite() {
    Job::SetUpTestSuite();
    writePairs();
  }

  static std::string benchmark(const std::string& images) {
    return concat("lfw --pairs '", (folder_ / "pairs.txt").string(), "' --images ",
                  (folder_ / images).string());
  }
};

TEST_F(EvaluateWith, TheLastCheckpointIsScoredByEveryBenchmark) {
  const Finished finished =
      runCommand(trainLine("after", 1,
                           {"--evaluate-with", benchmark("lfw"), "--evaluate-with",
                            benchmark("lfw") + " --protocol insightface"}));
  ASSERT_EQ(finished.code, 0) << finished.output;
  const std::vector<Json> lines = scores("after");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].at("protocol"), "sphereface");
  EXPECT_EQ(lines[1].at("protocol"), "insightface");
  for (const Json& line : lines) {
    EXPECT_EQ(line.at("step"), 12);
    EXPECT_EQ(line.at("benchmark"), "lfw");
    EXPECT_EQ(line.at("pairs"), 12);
    EXPECT_GT(line.at("time").get<double>(), 1.7e9);
    EXPECT_LE(line.at("roc").size(), 200U);
    EXPECT_EQ(line.at("roc").back().at(1), 1.0);
  }
  const fs::path folder = folder_ / "after" / "evaluations";
  const Json whole = readJsonFile(folder / "step-00000012-lfw-sphereface.json");
  EXPECT_EQ(whole.at("accuracy_mean"), lines[0].at("accuracy_mean"));
  EXPECT_TRUE(fs::exists(folder / "step-00000012-lfw-sphereface.html"));
  EXPECT_NE(finished.output.find("of step-00000012: lfw, protocol insightface"), std::string::npos)
      << finished.output;
}

TEST_F(EvaluateWith, CheckpointsAreScoredWhileTrainingGoesOnAndTheLastOneAfterIt) {
  // Only the newest checkpoint stays, so that each is removed long before its second score is
  // there.
  const Finished finished =
      runCommand(trainLine("beside", 1,
                           {"--set", "solver.steps=3000", "--set", "checkpoint.every_steps=10",
                            "--set", "checkpoint.keep=1", "--set", "worker.audit_records=false",
                            "--evaluate-with", benchmark("lfw"), "--evaluate-with",
                            benchmark("lfw") + " --protocol insightface", "--evaluate-beside"}));
  ASSERT_EQ(finished.code, 0) << finished.output;
  EXPECT_EQ(finished.output.find("failed"), std::string::npos) << finished.output;
  const std::vector<Json> lines = scores("beside");
  ASSERT_GE(lines.size(), 4U) << finished.output;
  for (size_t i = 0; i + 1 < lines.size(); i += 2) {
    EXPECT_EQ(lines[i].at("step"), lines[i + 1].at("step"));
    EXPECT_EQ(lines[i].at("protocol"), "sphereface");
    EXPECT_EQ(lines[i + 1].at("protocol"), "insightface");
  }
  EXPECT_LT(lines.front().at("step").get<int>(), 3000);
  EXPECT_EQ(lines.back().at("step"), 3000);
  EXPECT_EQ(listCheckpoints(folder_ / "beside").size(), 1U);
  EXPECT_FALSE(fs::exists(folder_ / "beside" / "evaluations" / "held"));
}

TEST_F(EvaluateWith, MegafaceAddsItsScoresToTheRunOfItsFeatures) {
  ASSERT_EQ(runCommand(trainLine("megaface", 1)).code, 0);
  const auto path = [](const std::string& name) { return (folder_ / name).string(); };
  const std::string checkpoint = path("megaface/checkpoints/step-00000012");
  ASSERT_EQ(runCommand({program("sphereface"), "extract", "--checkpoint", checkpoint, "--input",
                        path("faces"), "--output", path("faces.sff")})
                .code,
            0);
  // Half the people search for each other among the others.
  Json probes;
  Json distractors;
  for (int identity = 0; identity < kIdentities; ++identity) {
    for (int image = 0; image < kImages; ++image) {
      const bool is_probe = identity < kIdentities / 2;
      (is_probe ? probes : distractors)["path"].push_back(
          concat("id", identity, "/", image, ".png"));
      if (is_probe) probes["id"].push_back(concat("id", identity));
    }
  }
  writeJsonFile(folder_ / "probes.json", probes);
  writeJsonFile(folder_ / "distractors.json", distractors);
  const auto evaluate = [&](const std::string& run) {
    return runCommand({program("sphereface"), "evaluate", "megaface", "--probes",
                       path("probes.json"), "--distractors", path("distractors.json"),
                       "--feature-root", path("faces.sff"), "--json", path("megaface.json"),
                       "--run", path(run)});
  };
  const Finished finished = evaluate("megaface");
  ASSERT_EQ(finished.code, 0) << finished.output;
  const std::vector<Json> lines = scores("megaface");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].at("step"), 12);
  EXPECT_EQ(lines[0].at("benchmark"), "megaface");
  EXPECT_EQ(lines[0].at("rank1"), readJsonFile(path("megaface.json")).at("rank1"));
  EXPECT_EQ(lines[0].at("distractors"), kIdentities / 2 * kImages);

  ASSERT_EQ(runCommand(trainLine("another", 1, {"--set", "network.seed=2"})).code, 0);
  const Finished refused = evaluate("another");
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.output.find("which is none of"), std::string::npos) << refused.output;
  EXPECT_FALSE(fs::exists(folder_ / "another" / "evaluations.jsonl"));
}

TEST_F(EvaluateWith, WhatCannotBeEvaluatedIsSaidBeforeTraining) {
  for (const std::string& wrong :
       {benchmark("nowhere"), benchmark("lfw") + " --protocol none", std::string("megaface"),
        std::string("lfw --pairs 'open"), std::string()}) {
    const Finished finished = runCommand(trainLine("refused", 1, {"--evaluate-with", wrong}));
    EXPECT_EQ(finished.code, 2) << wrong << "\n" << finished.output;
    EXPECT_NE(finished.output.find("error: "), std::string::npos) << finished.output;
    EXPECT_FALSE(fs::exists(folder_ / "refused")) << wrong;
  }
}

TEST_F(EvaluateWith, AFailedEvaluationIsAnErrorAfterAGoodTraining) {
  // Gone once training has begun.
  const fs::path images = folder_ / "short-lived";
  fs::copy(folder_ / "lfw", images, fs::copy_options::recursive);
  Process job(trainLine(
      "failed", 1, {"--set", "solver.steps=200", "--evaluate-with", benchmark("short-lived")}));
  ASSERT_TRUE(waitUntil([] { return fs::exists(folder_ / "failed" / "metrics.jsonl"); }));
  fs::remove_all(images);
  EXPECT_EQ(job.wait(120), 1) << job.output();
  EXPECT_NE(job.output().find("its evaluation failed"), std::string::npos) << job.output();
  EXPECT_TRUE(fs::exists(folder_ / "failed" / "summary.json"));
}

}  // namespace
}  // namespace sphereface::testing
