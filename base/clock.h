// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>
#include <chrono>

namespace sphereface {

/// Seconds of the steady clock, for differences.
inline double secondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds since 1970.
inline double unixTime() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// A limit to how long something is waited for. Time in which this process didn't run, as the whole
/// job was suspended or the machine slept, doesn't count.
class Patience {
 public:
  explicit Patience(std::chrono::nanoseconds limit) : limit_(limit) {}

  /// To be called often.
  bool over() {
    const auto now = std::chrono::steady_clock::now();
    waited_ += std::min<std::chrono::nanoseconds>(now - looked_, kLongestGap);
    looked_ = now;
    return waited_ > limit_;
  }
  std::chrono::nanoseconds waited() const { return waited_; }

 private:
  static constexpr std::chrono::nanoseconds kLongestGap = std::chrono::seconds(1);

  std::chrono::nanoseconds limit_;
  std::chrono::nanoseconds waited_{0};
  std::chrono::steady_clock::time_point looked_ = std::chrono::steady_clock::now();
};

}  // namespace sphereface
