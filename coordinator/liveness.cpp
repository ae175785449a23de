// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/liveness.h"

#include "base/error.h"

namespace sphereface {
namespace {

constexpr std::chrono::seconds kOwnPause{1};

const char* phaseText(WorkerHeartbeat::Phase phase) {
  switch (phase) {
    case WorkerHeartbeat::STARTING:
      return "starting";
    case WorkerHeartbeat::WAITING:
      return "waiting for a lease";
    case WorkerHeartbeat::COMPUTING:
      return "computing";
    case WorkerHeartbeat::REDUCING:
      return "waiting for the reduction of gradients";
    case WorkerHeartbeat::WRITING:
      return "writing a checkpoint";
  }
  return "?";
}

}  // namespace

Liveness::Liveness(int workers, std::chrono::seconds allowed_silence, Clock::time_point now)
    : allowed_(allowed_silence), last_tick_(now), workers_(static_cast<size_t>(workers)) {
  for (Worker& worker : workers_)
    worker.heard = now;
}

void Liveness::hello(int rank, const std::string& host, Clock::time_point now) {
  at(rank).host = host;
  at(rank).heard = now;
}

void Liveness::heard(int rank, Clock::time_point now) {
  at(rank).heard = now;
}

void Liveness::heartbeat(int rank, const WorkerHeartbeat& heartbeat, Clock::time_point now) {
  Worker& worker = at(rank);
  worker.heard = now;
  worker.step = heartbeat.step();
  worker.phase = heartbeat.phase();
}

void Liveness::goodbye(int rank) {
  at(rank).gone = true;
}

void Liveness::tick(Clock::time_point now) {
  const Clock::duration gap = now - last_tick_;
  last_tick_ = now;
  if (gap < kOwnPause) return;
  for (Worker& worker : workers_)
    worker.heard += gap;
}

void Liveness::check(Clock::time_point now) const {
  std::string silent;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const Worker& worker = workers_[i];
    if (worker.gone || now - worker.heard <= allowed_) continue;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - worker.heard);
    silent += concat(silent.empty() ? "" : "; ", "rank ", i + 1, "@", worker.host,
                     " has been silent for ", seconds.count(), " s, last heard in step ",
                     worker.step, ", ", phaseText(worker.phase));
  }
  if (!silent.empty()) throw Error(concat(silent, " (dead, stopped or cut off)"));
}

}  // namespace sphereface
