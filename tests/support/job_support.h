// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// For tests of whole jobs: mpirun, a coordinator, workers, on a small data set of coloured noise
// that a network can tell apart by its tint.

#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/support/network_namespaces.h"
#include "tests/support/process.h"
#include "tests/support/wait_until.h"

namespace sphereface::testing {

class Job : public ::testing::Test {
 protected:
  static constexpr int kIdentities = 6;
  static constexpr int kImages = 10;  // of each
  static constexpr int kHeight = 28;
  static constexpr int kWidth = 24;
  static constexpr uint64_t kLongSteps = 400;

  /// A folder with the data set `lmdb` and `config.textproto`: 12 steps of 13 images.
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  /// The data set's faces again, by LFW's names, in the folder `lfw`, and `pairs.txt`: two folds of
  /// pairs of them.
  static void writePairs();

  /// With 0 workers their number is left to the command.
  static std::vector<std::string> trainLine(const std::string& run, int workers,
                                            const std::vector<std::string>& more = {});
  /// `command`, with --hosts 1 to `hosts` and `slots` workers on each, started on the first one.
  static std::vector<std::string> onHosts(const NetworkNamespaces& network, int hosts, int slots,
                                          const std::vector<std::string>& command);
  /// A training so.
  static std::vector<std::string> hostsLine(const NetworkNamespaces& network, int hosts, int slots,
                                            const std::string& run,
                                            const std::vector<std::string>& more = {});
  /// What stretches a run to kLongSteps steps with a checkpoint every 50: some seconds, so that it
  /// can be disturbed on its way.
  static std::vector<std::string> longRun();
  /// The long run ended with the bits of one with two workers here that nothing happened to.
  static void expectUndisturbedBits(const std::string& run);
  /// Of the run's checkpoint after `step` steps: the network's, then the head's, from all parts.
  static std::string parameters(const std::string& run, uint64_t step);
  static std::string momentum(const std::string& run, uint64_t step);
  /// The run's events of a kind so far.
  static std::vector<Json> events(const std::string& run, const std::string& kind);
  /// The lines of its evaluations.jsonl.
  static std::vector<Json> scores(const std::string& run);
  /// True once the run has a checkpoint; tried for as long as waitUntil does.
  static bool hasCheckpoint(const std::string& run);

  template <class Happened>
  static bool waitUntil(const Happened& happened, int seconds = 90) {
    return testing::waitUntil(happened, seconds);
  }

  static std::filesystem::path folder_;
};

}  // namespace sphereface::testing
