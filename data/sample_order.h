// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Which record is trained on when. The answer depends on the seed and the number of records alone,
// never on the number of workers: step t takes positions [t B, (t+1) B) of one endless sequence of
// epochs, whoever computes them.
//
// An epoch visits every record once: the data set is cut into blocks of consecutive records, the
// blocks are shuffled, and the records of every kBlocksPerWindow neighbouring blocks are shuffled
// together. So reads stay within a window's few blocks, and the order differs from epoch to epoch.

#pragma once

#include <cstdint>
#include <vector>

namespace sphereface {

/// Not thread-safe: remembers the epoch and window last asked for.
class SampleOrder {
 public:
  static constexpr uint64_t kBlockRecords = 256;
  static constexpr uint64_t kBlocksPerWindow = 16;

  /// requires: records > 0.
  SampleOrder(uint64_t records, uint64_t seed);

  /// The record at `position` of the endless sequence.
  uint64_t record(uint64_t position);

 private:
  void enterEpoch(uint64_t epoch);
  void enterWindow(uint64_t window);

  uint64_t records_;
  uint64_t seed_;
  uint64_t epoch_;
  std::vector<uint64_t> blocks_;        // shuffled block numbers of epoch_
  std::vector<uint64_t> window_start_;  // index in the epoch of each window's first record; end
  uint64_t window_;
  std::vector<uint64_t> window_records_;
};

}  // namespace sphereface
