// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "coordinator/liveness.h"

namespace sphereface {

/// What the coordinator of a running job knows and no file of the run folder tells. Times are unix
/// times in seconds.
struct LiveStatus {
  double time = 0;       // of `workers`
  double last_step = 0;  // time of its end, or of the job's start
  uint64_t leased_until = 0;
  double last_checkpoint = 0;  // time of its commit, or of the job's start
  // Those that haven't said goodbye, and what was last heard of them; whether they are heard of
  // every second.
  std::vector<Liveness::LastHeard> workers;
  bool heartbeats = false;
};

/// Seconds since a worker was heard of, at unix time `now`.
inline double silence(const LiveStatus& live, const Liveness::LastHeard& worker, double now) {
  return worker.ago.count() + std::max(0.0, now - live.time);
}

/// Whether it must be taken for dead, stopped or cut off.
inline bool isSilent(const LiveStatus& live, const Liveness::LastHeard& worker, double now) {
  constexpr double kSilentSeconds = 5;
  return live.heartbeats && silence(live, worker, now) > kSilentSeconds;
}

// Of a job with more workers only the first ones are shown one by one.
constexpr int kMostRanksShown = 256;

}  // namespace sphereface
