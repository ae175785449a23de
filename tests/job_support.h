// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// For tests of whole jobs: mpirun, a coordinator, workers, on a small data set of coloured noise
// that a network can tell apart by its tint.

#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/process.h"

namespace sphereface::testing {

class Job : public ::testing::Test {
 protected:
  static constexpr int kIdentities = 6;
  static constexpr int kImages = 10;  // of each
  static constexpr int kHeight = 28;
  static constexpr int kWidth = 24;

  /// A folder with the data set `lmdb` and `config.textproto`: 12 steps of 13 images.
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  static std::vector<std::string> trainLine(const std::string& run, int workers,
                                            const std::vector<std::string>& more = {});
  /// Of the run's checkpoint after `step` steps: the network's, then the head's, from all parts.
  static std::string parameters(const std::string& run, uint64_t step);
  static std::string momentum(const std::string& run, uint64_t step);

  static std::filesystem::path folder_;
};

}  // namespace sphereface::testing
