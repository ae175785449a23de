// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_folder.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

class Retention : public ::testing::Test {
 protected:
  Retention() {
    const double losses[] = {9, 4, 2, 3, 5};
    for (uint64_t step = 0; step < 5; ++step) {
      testing::writeTinyCheckpoint(checkpointFolder(run_.path(), step), step, losses[step]);
    }
  }

  std::vector<uint64_t> stepsKept(uint32_t keep, bool keep_best) const {
    CheckpointConfig config;
    config.set_keep(keep);
    config.set_keep_best(keep_best);
    removeOldCheckpoints(run_.path(), config);
    std::vector<uint64_t> steps;
    for (uint64_t step = 0; step < 5; ++step) {
      if (fs::exists(checkpointFolder(run_.path(), step))) steps.push_back(step);
    }
    return steps;
  }

  const TemporaryFolder run_;
};

TEST_F(Retention, TheNewestAndTheInitialOneStay) {
  EXPECT_EQ(stepsKept(0, false).size(), 5U) << "0: all";
  EXPECT_EQ(stepsKept(2, false), (std::vector<uint64_t>{0, 3, 4}));
}

TEST_F(Retention, TheBestStaysToo) {
  EXPECT_EQ(stepsKept(1, true), (std::vector<uint64_t>{0, 2, 4}));
}

TEST_F(Retention, ADamagedOneIsNotTheBest) {
  writeFileAtomically(checkpointFolder(run_.path(), 2) / "manifest.textproto", "nonsense");
  EXPECT_EQ(stepsKept(1, true), (std::vector<uint64_t>{0, 3, 4}));
}

TEST_F(Retention, FoldersOfOtherNamesStay) {
  const fs::path checkpoints = run_ / "checkpoints";
  const char* const theirs[] = {"step-00000002-good", "step-2",        "step-",
                                "step-000000002",     "step-0000000x", "step-+0000001",
                                ".writing-notes"};
  for (const char* name : theirs)
    fs::create_directories(checkpoints / name);
  fs::create_directories(checkpointWorkFolder(run_.path(), 5));
  fs::create_directories(checkpoints / ".writing-step-00000001.old");
  EXPECT_EQ(listCheckpoints(run_.path()).size(), 5U);
  EXPECT_EQ(stepsKept(1, false), (std::vector<uint64_t>{0, 4}));
  removeUncommittedCheckpoints(run_.path());
  for (const char* name : theirs)
    EXPECT_TRUE(fs::exists(checkpoints / name)) << name;
  EXPECT_EQ(std::distance(fs::directory_iterator(checkpoints), fs::directory_iterator()), 2 + 7);
}

TEST_F(Retention, GoesByTheNumberWhereItHasMoreThanEightDigits) {
  for (const uint64_t step : {99'999'999, 100'000'000, 1'000'000'000}) {
    testing::writeTinyCheckpoint(checkpointFolder(run_.path(), step), step);
  }
  EXPECT_EQ(listCheckpoints(run_.path()).back(), checkpointFolder(run_.path(), 1'000'000'000));
  stepsKept(2, false);
  EXPECT_EQ(listCheckpoints(run_.path()),
            (std::vector<fs::path>{checkpointFolder(run_.path(), 0),
                                   checkpointFolder(run_.path(), 100'000'000),
                                   checkpointFolder(run_.path(), 1'000'000'000)}));
}

}  // namespace
}  // namespace sphereface
