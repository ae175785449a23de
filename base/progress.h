// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Progress of a long job on stderr: a bar that redraws itself on a terminal, a plain line every
// ten seconds when piped. Shows done/total, rate and time to go. It is also where Ctrl-C ends such
// a job (base/stop_signal.h).

#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

#include "base/stop_signal.h"

namespace sphereface {

/// Thread-safe.
class Progress {
 public:
  /// From now on nothing of this process's is shown: another process shows it for all.
  static void silence();

  /// `label` says what is being done ("aligning"), `unit` what is counted ("images").
  Progress(std::string label, size_t total, std::string unit);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// errors: Interrupted, where answerInterrupts() was called.
  void add(size_t count = 1);
  /// Prints the final state and a line end; the destructor calls it when nobody did.
  void finish();
  /// Units per second since the start.
  double rate() const;

 private:
  void print(bool last);

  using Clock = std::chrono::steady_clock;
  InterruptibleWork work_;
  mutable std::mutex mutex_;
  std::string label_;
  std::string unit_;
  size_t total_;
  size_t done_ = 0;
  bool terminal_;
  bool finished_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point printed_ = start_;
};

/// "[######........................]"
std::string progressBar(size_t done, size_t total);

/// "0:07", "12:34", "3:05:09".
std::string formatDuration(double seconds);

/// With so many decimals.
std::string fixed(double value, int decimals);

/// Three digits and a power of 1000: "812", "1.76 G", "40 k"; with a unit "337 MB".
std::string formatScaled(double value, const std::string& unit = "");

}  // namespace sphereface
