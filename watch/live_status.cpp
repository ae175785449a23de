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

std::string describe(const std::vector<LastHeard>& workers, const char* how_long,
                     const char* meaning) {
  std::string text;
  for (size_t i = 0; i < std::min(workers.size(), kMostNamed); ++i) {
    const LastHeard& last = workers[i];
    text += concat(i == 0 ? "" : "; ", "rank ", last.rank, "@", last.host, how_long,
                   static_cast<int64_t>(last.ago.count()), " s, last heard ", last.doing);
  }
  if (workers.size() > kMostNamed) text += concat("; and ", workers.size() - kMostNamed, " more");
  return text + meaning;
}

}  // namespace

double silence(const LiveStatus& live, const LastHeard& worker, double now) {
  return worker.ago.count() + std::max(0.0, now - live.time);
}

bool isSilent(const LiveStatus& live, const LastHeard& worker, double now) {
  return live.heartbeats && silence(live, worker, now) > kSilentSeconds;
}

std::string describeSilent(const std::vector<LastHeard>& silent) {
  return describe(silent, " has been silent for ", " (dead, stopped or cut off)");
}

std::string describeStuck(const std::vector<LastHeard>& stuck) {
  return describe(stuck, " lives, but hasn't got on for ", " (hangs)");
}

}  // namespace sphereface
