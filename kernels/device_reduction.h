// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Sums over ranks of what is in the memory of their GPUs. kernels/ knows no network but the one
// between GPUs: whoever starts the ranks tells them of each other.

#pragma once

#include <chrono>
#include <span>
#include <string>

namespace sphereface {

/// Ranks with a GPU each. The id comes from one rank's newDeviceGroup (kernels/engine.h).
struct DeviceGroup {
  std::string id;
  int ranks = 1;
  int rank = 0;
};

/// How a group sums.
struct DeviceSum {
  bool as_bf16 = false;  // numbers travel as bfloat16, rounded at each of the network's steps
  // In the order of a binary tree over the ranks, a power of two (kernels/shard_tree.h); otherwise
  // in that of the network. Not as_bf16.
  bool in_tree = false;
};

/// Every rank makes the same calls in the same order.
class DeviceReduction {
 public:
  virtual ~DeviceReduction() = default;

  /// Begins to sum `range` in place, gradients of this rank's engine, when what the engine last
  /// told of is final; meanwhile the engine goes on.
  virtual void sum(std::span<float> range) = 0;

  /// Waits until all is summed; what the engine is asked to do from then on sees it.
  /// errors: Error when it takes longer than `timeout` or the network fails; the group is of no use
  /// then.
  virtual void wait(std::chrono::seconds timeout) = 0;

  /// Seconds that the sums of the last wait() took, from the first one's begin to the last one's
  /// end.
  virtual double busySeconds() const = 0;
};

}  // namespace sphereface
