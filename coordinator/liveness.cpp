// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/liveness.h"

#include <algorithm>
#include <cstddef>

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
  worker.doing = concat("in step ", heartbeat.step(), ", ", phaseText(heartbeat.phase()));
  worker.collective = heartbeat.collective();
}

void Liveness::stepDone(int rank, const StepReport& report, Clock::time_point now) {
  Worker& worker = at(rank);
  worker.heard = now;
  worker.doing = concat("after step ", report.step());
  worker.collective = report.collective();
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

std::vector<LastHeard> Liveness::lastHeard(Clock::time_point now) const {
  std::vector<LastHeard> found;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const Worker& worker = workers_[i];
    if (worker.gone) continue;
    LastHeard& last = found.emplace_back();
    last.rank = static_cast<int>(i) + 1;
    last.host = worker.host;
    last.ago = now - worker.heard;
    last.doing = worker.doing;
    if (!worker.collective.empty()) last.doing += ", last collective " + worker.collective;
  }
  return found;
}

std::vector<LastHeard> Liveness::silent(Clock::time_point now) const {
  std::vector<LastHeard> found = lastHeard(now);
  std::erase_if(found, [this](const LastHeard& last) { return last.ago <= allowed_; });
  return found;
}

}  // namespace sphereface
