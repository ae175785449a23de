// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface doctor` by its command line.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "base/temporary_folder.h"
#include "tests/doctor/doctor_data.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

class Doctor : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    faces_ = new std::vector<testing::FaceRecord>(testing::paintedFaces(10, 6));
  }
  static void TearDownTestSuite() { delete faces_; }

  void write(const std::vector<testing::FaceRecord>& records) const {
    writeDataset(folder_ / "set", records, testing::manifestOf(records, 10));
    writeFileAtomically(
        config_,
        "name: \"examined\"\ndata { lmdb: \"" + (folder_ / "set").string() +
            "\" }\n"
            R"(network { name: "custom" stage { channels: 16 } stage { channels: 32 } embedding: 32 }
solver { batch_size: 16 steps: 2000 base_learning_rate: 0.02 }
worker { threads: 1 }
)");
  }

  Finished doctor(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {testing::program("sphereface"), "doctor"});
    arguments.insert(arguments.end(), {"--json", json_.string()});
    return testing::runCommand(arguments);
  }

  /// Of the last run.
  std::string stateOf(const std::string& name) const {
    const Json report = readJsonFile(json_);
    for (const Json& finding : report.at("findings")) {
      if (finding.at("name") == name) return finding.at("state").text();
    }
    return "absent";
  }

  static std::vector<testing::FaceRecord>* faces_;
  const TemporaryFolder folder_;
  const fs::path config_ = folder_ / "config.textproto";
  const fs::path json_ = folder_ / "findings.json";
};

std::vector<testing::FaceRecord>* Doctor::faces_ = nullptr;

TEST_F(Doctor, FindsNothingWrongWithWhatIsRight) {
  write(*faces_);
  const Finished done = doctor({"--config", config_.string(), "--workers", "2"});
  ASSERT_EQ(done.code, 0) << done.output;
  const Json report = readJsonFile(json_);
  EXPECT_EQ(report.at("counts").at("fail"), 0);
  EXPECT_EQ(report.at("counts").at("skipped"), 1) << "the checkpoint";
  size_t sum = 0;
  for (const auto& [state, count] : report.at("counts").items())
    sum += count.get<size_t>();
  EXPECT_EQ(sum, report.at("findings").size());
  for (const char* name :
       {"processor", "mpi", "run folder", "shape", "plan", "data set", "labels", "classes", "order",
        "images", "colour order", "alignment", "duplicates", "near duplicates", "first loss"}) {
    EXPECT_EQ(stateOf(name), "ok") << name << "\n" << done.output;
  }
  EXPECT_NE(done.output.find("skipped  checkpoint: no --checkpoint"), std::string::npos);
  EXPECT_NE(done.output.find("3 ranks on "), std::string::npos) << done.output;
  // The weights a run starts from are a checkpoint too.
  const Finished start = doctor(
      {"--config", config_.string(), "--set", "network.init_from=" + (folder_ / "none").string()});
  EXPECT_EQ(start.code, 1) << start.output;
  EXPECT_EQ(stateOf("checkpoint"), "fail") << start.output;
}

TEST_F(Doctor, WhatIsWrongFailsWithItsFix) {
  std::vector<testing::FaceRecord> records = *faces_;
  std::stable_sort(records.begin(), records.end(),
                   [](const auto& a, const auto& b) { return a.label < b.label; });
  records[5].image = cv::Mat();
  write(records);
  const Finished done =
      doctor({"--config", config_.string(), "--set", "worker.device=CUDA", "--set",
              "network.width=112", "--checkpoint", folder_.path().string()});
  EXPECT_EQ(done.code, 1) << done.output;
  for (const auto& [name, state] :
       std::vector<std::pair<std::string, std::string>>{{"device", "fail"},
                                                        {"shape", "fail"},
                                                        {"images", "fail"},
                                                        {"order", "warn"},
                                                        {"checkpoint", "fail"},
                                                        {"first loss", "skipped"}}) {
    EXPECT_EQ(stateOf(name), state) << name << "\n" << done.output;
  }
  const Json report = readJsonFile(json_);
  for (const Json& finding : report.at("findings")) {
    const bool needs_fix = finding.at("state") == "warn" || finding.at("state") == "fail";
    EXPECT_EQ(finding.at("fix").get<std::string>().empty(), !needs_fix) << jsonText(finding);
    EXPECT_FALSE(finding.at("found").get<std::string>().empty()) << jsonText(finding);
  }
  EXPECT_NE(done.output.find("fix: worker.device: CPU"), std::string::npos) << done.output;
  EXPECT_NE(done.output.find("--output " + (folder_ / "set").string()), std::string::npos);
  EXPECT_NE(done.output.find("4 checks failed"), std::string::npos) << done.output;
}

TEST_F(Doctor, WithoutADataSetTheRestIsSkippedAndSaysWhy) {
  const Finished bare = doctor({});
  EXPECT_EQ(bare.code, 0) << bare.output;
  EXPECT_NE(bare.output.find("skipped  device, memory, run folder"), std::string::npos);
  EXPECT_EQ(stateOf("mpi"), "ok") << bare.output;
  const Finished missing = doctor({"--lmdb", (folder_ / "none").string()});
  EXPECT_EQ(missing.code, 1) << missing.output;
  EXPECT_EQ(stateOf("data set"), "fail");
  EXPECT_EQ(stateOf("labels"), "skipped");
  EXPECT_NE(missing.output.find("no such data set: "), std::string::npos) << missing.output;
}

TEST_F(Doctor, ADamagedDataSetFailsWithoutACrash) {
  write(*faces_);
  const std::string whole = readFile(folder_ / "set" / "data.mdb");
  const size_t pages = whole.size() / 4096;
  // The first and the last pages hold the tree, the others images.
  for (const size_t page : {size_t{2}, pages / 2, pages - 2, pages - 1}) {
    std::string damaged = whole;
    damaged.replace(page * 4096, 4096, 4096, '\0');
    writeFileAtomically(folder_ / "set" / "data.mdb", damaged);
    const Finished done = doctor({"--lmdb", (folder_ / "set").string()});
    EXPECT_LE(done.code, 1) << page << "\n" << done.output;
    const Json report = readJsonFile(json_);
    EXPECT_EQ(report.at("counts").at("fail") > 0, done.code == 1) << done.output;
  }
  writeFileAtomically(folder_ / "set" / "data.mdb", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(doctor({"--lmdb", (folder_ / "set").string()}).code, 1);
  EXPECT_EQ(stateOf("data set"), "fail");
}

TEST_F(Doctor, WrongUsageIsNamed) {
  struct Case {
    std::vector<std::string> arguments;
    std::string words;
  };
  const std::string absent = (folder_ / "absent").string();
  for (const Case& c : {Case{{"--workers", "0"}, "--workers"},
                        {{"--seconds", "-1"}, "--seconds"},
                        {{"--set", "solver.steps=1"}, "--config"},
                        {{"--config", absent}, absent},
                        {{"--frobnicate"}, "--frobnicate"}}) {
    const Finished done = doctor(c.arguments);
    EXPECT_EQ(done.code, 2) << done.output;
    EXPECT_NE(done.output.find(c.words), std::string::npos) << c.words << "\n" << done.output;
  }
}

}  // namespace
}  // namespace sphereface
