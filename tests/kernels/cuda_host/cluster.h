// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The blocks of a cluster, each in a thread of the host, which gives it shared memory of its own.
// They take turns: a block runs until it arrives at the cluster's barrier, where others get theirs,
// waits there or ends.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <vector>

namespace cuda_host {

class Cluster {
 public:
  /// seed: of the order in which blocks take their turns, theirs by index if 0.
  Cluster(size_t blocks, uint64_t seed);

  /// Runs body(block) for all blocks.
  void run(const std::function<void(size_t)>& body);

  /// All of a block's threads have.
  void arrive(size_t block);
  /// Until all blocks have arrived as often as this one.
  void wait(size_t block);

 private:
  struct Block {
    size_t arrivals = 0;
    bool waiting = false;
    bool ended = false;
  };

  void runBlock(size_t block, const std::function<void(size_t)>& body);
  bool canRun(size_t block) const;
  /// To one that can run; after the others where `last` is.
  void passTurn(size_t last);
  void awaitTurn(size_t block, std::unique_lock<std::mutex>& lock);

  std::vector<Block> blocks_;
  std::vector<size_t> order_;
  std::mt19937_64 random_;
  bool permuted_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t turn_ = 0;
};

}  // namespace cuda_host
