// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <limits>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace sphereface {

/// The `limit` largest of many scores, gathered by several threads. Holds up to twice as many.
class LargestScores {
 public:
  explicit LargestScores(size_t limit) : limit_(limit) {
    if (limit == 0) cut_ = std::numeric_limits<float>::infinity();
  }

  /// Scores up to this one need not be added: there are `limit` others at least as large.
  float cut() const { return cut_; }

  void add(std::span<const float> scores) {
    const std::lock_guard lock(mutex_);
    for (const float score : scores) {
      if (score > cut_) kept_.push_back(score);
      if (kept_.size() >= 2 * limit_) shrink();
    }
  }

  /// In falling order, `limit` of them or all there were. Call once, last.
  std::vector<float> take() {
    const std::lock_guard lock(mutex_);
    shrink();
    std::sort(kept_.begin(), kept_.end(), std::greater<>());
    return std::move(kept_);
  }

 private:
  void shrink() {
    if (kept_.size() <= limit_) return;
    const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(limit_);
    std::nth_element(kept_.begin(), end - 1, kept_.end(), std::greater<>());
    kept_.erase(end, kept_.end());
    cut_ = kept_.back();
  }

  size_t limit_;
  std::atomic<float> cut_{-std::numeric_limits<float>::infinity()};
  std::mutex mutex_;
  std::vector<float> kept_;
};

}  // namespace sphereface
