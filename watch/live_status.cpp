// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/live_status.h"

#include <algorithm>
#include <cstddef>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr double kSilentSeconds = 5;
// Hosts may have many workers.
constexpr size_t kMostNamed = 8;

}  // namespace

double silence(const LiveStatus& live, const LastHeard& worker, double now) {
  return worker.ago.count() + std::max(0.0, now - live.time);
}

bool isSilent(const LiveStatus& live, const LastHeard& worker, double now) {
  return live.heartbeats && silence(live, worker, now) > kSilentSeconds;
}

std::string describeSilent(const std::vector<LastHeard>& silent) {
  std::string text;
  for (size_t i = 0; i < std::min(silent.size(), kMostNamed); ++i) {
    const LastHeard& last = silent[i];
    text += concat(i == 0 ? "" : "; ", "rank ", last.rank, "@", last.host, " has been silent for ",
                   static_cast<int64_t>(last.ago.count()), " s, last heard ", last.doing);
  }
  if (silent.size() > kMostNamed) text += concat("; and ", silent.size() - kMostNamed, " more");
  return text + " (dead, stopped or cut off)";
}

}  // namespace sphereface
