// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a head whose classes are spread over ranks needs of the other ranks. kernels/ knows no
// network but the one between GPUs: for CPUs, whoever makes the engine brings one.

#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/device_reduction.h"

namespace sphereface {

/// Every rank makes the same calls in the same order; a call waits for all. Results have the same
/// bits on every rank.
class HeadExchange {
 public:
  virtual ~HeadExchange() = default;

  /// Images of a pass over all ranks. This rank's are a run of them, and runs follow each other.
  virtual int images() const = 0;

  /// Each rank's images' numbers, one after the other: own [images here, n], all [images(), n].
  virtual void gather(std::span<const float> own, std::span<float> all) = 0;
  virtual void gather(std::span<const int32_t> own, std::span<int32_t> all) = 0;
  /// In place, number by number, over the ranks; NaN where one is NaN.
  virtual void maximum(std::span<float> values) = 0;
  virtual void sum(std::span<float> values) = 0;
  /// The sum over the ranks of `all` [images(), n], of which this rank gets its images': own
  /// [images here, n]. `all` is used up.
  virtual void scatterSum(std::span<float> all, std::span<float> own) = 0;
};

/// Ranks with a GPU each that a head's classes are spread over.
struct HeadGroup {
  DeviceGroup group;             // without an id: there is no such group
  std::vector<int> first_image;  // by rank, where its images begin among those of all ranks, and
                                 // their number last
  std::chrono::seconds timeout{};

  bool exists() const { return !group.id.empty(); }
};

}  // namespace sphereface
