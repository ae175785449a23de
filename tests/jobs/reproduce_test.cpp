// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// scripts/reproduce.sh on painted faces and a small network, here and through Slurm.

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "tests/support/process.h"
#include "tests/support/slurm_cluster.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

class Reproduce : public ::testing::Test {
 protected:
  /// Twelve people, one of them by the name of one whom LFW has too, and twenty others in ten
  /// folds.
  void SetUp() override {
    run({program("sphereface"), "synth", "--out", path("casia"), "--identities", "12",
         "--images-per-identity", "6"});
    fs::rename(folder_ / "casia" / "id_00003", folder_ / "casia" / "1056413");
    run({program("sphereface"), "synth", "--out", path("lfw"), "--identities", "20",
         "--images-per-identity", "4", "--first-identity", "12", "--pairs", path("pairs.txt"),
         "--folds", "10"});
    writeFileAtomically(folder_ / "config.textproto", R"(data { lmdb: "none" }
network { name: "custom" stage { channels: 16 } stage { channels: 32 units: 1 } embedding: 32 }
solver { batch_size: 16 steps: 10 base_learning_rate: 0.01 policy: COSINE }
)");
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  static void run(const std::vector<std::string>& line) {
    const Finished done = runCommand(line);
    ASSERT_EQ(done.code, 0) << done.output;
  }

  std::string reproduce(const std::string& out, const std::vector<std::string>& more) const {
    std::vector<std::string> line = {concat(SPHEREFACE_SCRIPTS, "/reproduce.sh"),
                                     "--casia",
                                     path("casia"),
                                     "--lfw",
                                     path("lfw"),
                                     "--pairs",
                                     path("pairs.txt"),
                                     "--models",
                                     "none",
                                     "--out",
                                     path(out),
                                     "--seeds",
                                     "2",
                                     "--config",
                                     path("config.textproto"),
                                     "--programs",
                                     fs::path(program("sphereface")).parent_path().string()};
    line.insert(line.end(), more.begin(), more.end());
    const Finished done = runCommand(line);
    EXPECT_EQ(done.code, 0) << done.output;
    return done.output;
  }

  Json score(const std::string& out, int seed) const {
    return readJsonFile(folder_ / out / "runs" / concat("seed-", seed) / "evaluations" /
                        "step-00000010-lfw-sphereface.json");
  }

  static std::string row(const std::string& name, const std::string& published, double here) {
    char text[64];
    std::snprintf(text, sizeof text, " | %.2f %% |", 100 * here);
    return concat("\n| ", name, " | ", published, text, "\n");
  }

  /// The tables have what the scores say.
  void expectTables(const std::string& out) const {
    const std::string tables = readFile(folder_ / out / "tables.md");
    const Json first = score(out, 1);
    const Json second = score(out, 2);
    const double mean = first.at("accuracy_mean").get<double>();
    const double other = second.at("accuracy_mean").get<double>();
    for (const std::string& line :
         {row("1", "99.33 %", first.at("fold_accuracy").at(0).get<double>()),
          row("10", "99.33 %", first.at("fold_accuracy").at(9).get<double>()),
          row("mean", "99.30 %", mean), row("1", "99.24 %", mean), row("2", "99.20 %", other),
          row("mean", "99.23 %", (mean + other) / 2)}) {
      EXPECT_NE(tables.find(line), std::string::npos) << line << " isn't in\n" << tables;
    }
  }

  const TemporaryFolder folder_;
};

TEST_F(Reproduce, EveryStageHereAndSkippedTheSecondTime) {
  const std::string first = reproduce("here", {"--", "--workers", "2"});
  EXPECT_NE(first.find("66 images of 11 identities"), std::string::npos) << first;
  expectTables("here");
  const std::string second = reproduce("here", {"--", "--workers", "2"});
  for (const char* words : {"CASIA is packed already", "seed 1 is trained and scored already",
                            "seed 2 is trained and scored already"}) {
    EXPECT_NE(second.find(words), std::string::npos) << second;
  }
  EXPECT_EQ(second.find("mpirun"), std::string::npos) << second;
}

TEST_F(Reproduce, ThroughSlurmEverySeedIsAJob) {
  const std::string missing = SlurmCluster::missing();
  if (!missing.empty()) GTEST_SKIP() << missing;
  const SlurmCluster cluster(2, 2);
  writeFileAtomically(folder_ / "site.sh",
                      concat(readFile(concat(SPHEREFACE_SCRIPTS, "/slurm/site.sh")),
                             "time_limit=10\nnodes=1\nworkers_per_node=2\ncpus_per_worker=1\n",
                             SlurmCluster::siteNetwork()));
  const std::vector<std::string> through = {"--site", path("site.sh"), "--", "--set",
                                            "head.margin=2"};
  const std::string first = reproduce("slurm", through);
  EXPECT_NE(first.find("submitting seeds 1 2"), std::string::npos) << first;
  expectTables("slurm");
  EXPECT_NE(readFile(folder_ / "slurm/runs/seed-2/config.textproto").find("margin: 2"),
            std::string::npos);
  const std::string second = reproduce("slurm", through);
  EXPECT_NE(second.find("all seeds are trained and scored already"), std::string::npos) << second;
}

}  // namespace
}  // namespace sphereface::testing
