// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/progress.h"

#include "base/printable.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <sstream>
#include <utility>

namespace sphereface {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{200};
constexpr std::chrono::seconds kPlainInterval{10};
constexpr size_t kBarWidth = 30;

std::atomic<bool> silent{false};

}  // namespace

std::string progressBar(size_t done, size_t total) {
  const size_t filled = total == 0 ? kBarWidth : kBarWidth * done / total;
  std::string bar(std::min(filled, kBarWidth), '#');
  bar.resize(kBarWidth, '.');
  return "[" + bar + "]";
}

std::string formatDuration(double seconds) {
  const long long total = std::llround(seconds);
  char text[48];
  if (total >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60,
                  total % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  }
  return text;
}

void Progress::silence() {
  silent = true;
}

Progress::Progress(std::string label, size_t total, std::string unit)
    : label_(printableLine(label)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  finish();
}

void Progress::add(size_t count) {
  const std::lock_guard lock(mutex_);
  done_ += count;
  if (const int signal = InterruptibleWork::interrupted(); signal != 0) {
    throw Interrupted(
        signal, concat("stopped by ", signalName(signal), " while ", label_, ", at ", done_, " of ",
                       total_, " ", unit_, ": the same command does it again, or goes on with it"));
  }
  const auto now = Clock::now();
  const bool due =
      terminal_ ? now - printed_ >= kTerminalInterval : now - printed_ >= kPlainInterval;
  if (!due) return;
  printed_ = now;
  print(false);
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  print(true);
}

double Progress::rate() const {
  const std::chrono::duration<double> elapsed = Clock::now() - start_;
  return elapsed.count() > 0 ? static_cast<double>(done_) / elapsed.count() : 0.0;
}

void Progress::print(bool last) {
  if (silent) return;
  const std::chrono::duration<double> elapsed = Clock::now() - start_;
  const double speed = rate();
  const std::string time =
      last || speed <= 0 || done_ >= total_
          ? "in " + formatDuration(elapsed.count())
          : "eta " + formatDuration(static_cast<double>(total_ - done_) / speed);
  if (terminal_) {
    std::fprintf(stderr, "\r%s %s %zu/%zu %s  %.1f/s  %s\033[K%s", label_.c_str(),
                 progressBar(done_, total_).c_str(), done_, total_, unit_.c_str(), speed,
                 time.c_str(), last ? "\n" : "");
  } else {
    std::fprintf(stderr, "%s %zu/%zu %s  %.1f/s  %s\n", label_.c_str(), done_, total_,
                 unit_.c_str(), speed, time.c_str());
  }
  std::fflush(stderr);
}

std::string fixed(double value, int decimals) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(decimals) << value;
  return out.str();
}

std::string formatScaled(double value, const std::string& unit) {
  constexpr std::array<const char*, 6> kPrefixes = {"", "k", "M", "G", "T", "P"};
  size_t prefix = 0;
  for (; value >= 999.5 && prefix + 1 < kPrefixes.size(); ++prefix)
    value /= 1000;
  std::ostringstream out;
  out << std::setprecision(3) << value;
  const std::string suffix = kPrefixes.at(prefix) + unit;
  return suffix.empty() ? out.str() : out.str() + " " + suffix;
}

}  // namespace sphereface
