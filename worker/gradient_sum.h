// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace sphereface {

/// Sums gradients over the workers while backward goes on, in place, wherever the engine keeps
/// them. Used by one thread.
class GradientSum {
 public:
  /// When a bucket was summed, for the timeline.
  struct Span {
    std::chrono::steady_clock::time_point begin;
    std::chrono::steady_clock::time_point end;
    size_t bytes = 0;
  };

  virtual ~GradientSum() = default;

  /// `range` is final here and may be summed. With `continues` it begins in memory where the last
  /// one ended, and may share a bucket with it.
  /// requires: every worker hands over the same sizes in the same order.
  virtual void ready(std::span<float> range, bool continues) = 0;

  /// Waits until everything handed over holds the sum over the workers, as do then `votes`, a few
  /// numbers in the host's memory.
  /// errors: Error naming who was waited for in vain.
  virtual void finish(std::span<float> votes) = 0;

  /// Buckets of the last step, after finish().
  virtual const std::vector<Span>& spans() const = 0;
};

}  // namespace sphereface
