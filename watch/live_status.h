// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace sphereface {

/// What was last heard of a worker.
struct LastHeard {
  int rank = 0;
  std::string host;
  std::chrono::duration<double> ago{};
  std::string doing;  // "in step 41, computing, last collective all-reduce 1841, collecting"
};

/// What the coordinator of a running job knows and no file of the run folder tells. Times are unix
/// times in seconds.
struct LiveStatus {
  double time = 0;       // of `workers`
  double last_step = 0;  // time of its end, or of the job's start
  uint64_t leased_until = 0;
  double last_checkpoint = 0;  // time of its commit, or of the job's start
  // Those that haven't said goodbye, and what was last heard of them; whether they are heard of
  // every second.
  std::vector<LastHeard> workers;
  bool heartbeats = false;
};

/// Seconds since a worker was heard of, at unix time `now`.
double silence(const LiveStatus& live, const LastHeard& worker, double now);

/// Whether it must be taken for dead, stopped or cut off.
bool isSilent(const LiveStatus& live, const LastHeard& worker, double now);

/// "rank 2@node2 has been silent for 11 s, last heard in step 41, ..." of the first few.
std::string describeSilent(const std::vector<LastHeard>& silent);
/// The same of workers whose heart beats, but that don't get on with what they do.
std::string describeStuck(const std::vector<LastHeard>& stuck);

}  // namespace sphereface
