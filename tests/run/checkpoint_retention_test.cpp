// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_folder.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

class Retention : public ::testing::Test {
 protected:
  Retention() {
    const double losses[] = {9, 4, 2, 3, 5};
    for (uint64_t step = 0; step < 5; ++step) {
      CheckpointManifest manifest;
      manifest.set_format_version(2);
      manifest.set_loss(losses[step]);
      const fs::path work = checkpointWorkFolder(run_.path(), step);
      fs::create_directories(work);
      commitCheckpoint(work, manifest, checkpointFolder(run_.path(), step));
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

}  // namespace
}  // namespace sphereface
