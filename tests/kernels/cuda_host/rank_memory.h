// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A segment of memory that the ranks of a group share, in place of the network between GPUs.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "kernels/device_reduction.h"

namespace sphereface {

class RankMemory {
 public:
  /// Numbers of each rank.
  static constexpr size_t kNumbers = size_t{8} << 20;

  explicit RankMemory(const DeviceGroup& group);
  RankMemory(const RankMemory&) = delete;
  RankMemory& operator=(const RankMemory&) = delete;
  ~RankMemory();

  int ranks() const { return group_.ranks; }
  int rank() const { return group_.rank; }
  /// Of a rank, [kNumbers].
  float* of(int rank) const;
  /// Until all ranks have come here as often.
  void meet(std::chrono::seconds timeout);

 private:
  size_t bytes() const;

  DeviceGroup group_;
  void* memory_ = nullptr;
  uint64_t meetings_ = 0;
};

}  // namespace sphereface
