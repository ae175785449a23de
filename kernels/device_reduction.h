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

/// Every rank makes the same calls in the same order.
class DeviceReduction {
 public:
  virtual ~DeviceReduction() = default;

  /// Begins to sum `range`, part of an arena of this rank's engine, in place, when the engine has
  /// done what it was asked to so far; meanwhile the engine goes on.
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
