// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/liveness.h"

#include <algorithm>
#include <cstddef>

#include "base/error.h"
#include "run/run_start.h"

namespace sphereface {
namespace {

constexpr std::chrono::seconds kOwnPause{1};
// Who computes so many times as long as it ever took hangs.
constexpr int kLongestFactor = 20;
// So much longer may a first step or a checkpoint take.
constexpr int kSlowFactor = 12;

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

Liveness::Liveness(int workers, std::chrono::seconds allowed_silence,
                   std::chrono::seconds allowed_stillness, Clock::time_point now)
    : allowed_(allowed_silence),
      allowed_stillness_(allowed_stillness),
      last_tick_(now),
      workers_(static_cast<size_t>(workers)) {
  for (Worker& worker : workers_)
    worker.heard = worker.moved = now;
}

void Liveness::hello(int rank, const std::string& host, Clock::time_point now) {
  at(rank).host = host;
  at(rank).heard = now;
  at(rank).greeted = true;
}

void Liveness::heard(int rank, Clock::time_point now) {
  at(rank).heard = now;
}

void Liveness::moved(Worker& worker, Clock::time_point now) {
  if (worker.phase == WorkerHeartbeat::COMPUTING)
    longest_still_ = std::max(longest_still_, now - worker.moved);
  worker.moved = now;
}

void Liveness::heartbeat(int rank, const WorkerHeartbeat& heartbeat, Clock::time_point now) {
  Worker& worker = at(rank);
  worker.heard = now;
  worker.doing = concat("in step ", heartbeat.step(), ", ", phaseText(heartbeat.phase()));
  if (heartbeat.progress() != worker.progress || heartbeat.collective() != worker.collective) {
    moved(worker, now);
  }
  worker.progress = heartbeat.progress();
  worker.phase = heartbeat.phase();
  worker.collective = heartbeat.collective();
}

void Liveness::stepDone(int rank, const StepReport& report, Clock::time_point now) {
  Worker& worker = at(rank);
  worker.heard = now;
  moved(worker, now);
  stepped_ = true;
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
  for (Worker& worker : workers_) {
    worker.heard += gap;
    worker.moved += gap;
  }
}

LastHeard Liveness::describe(size_t worker, Clock::duration ago) const {
  const Worker& of = workers_[worker];
  LastHeard last;
  last.rank = static_cast<int>(worker) + 1;
  last.host = of.host;
  last.ago = ago;
  last.doing = of.doing;
  if (!of.collective.empty()) last.doing += ", last collective " + of.collective;
  return last;
}

std::vector<LastHeard> Liveness::lastHeard(Clock::time_point now) const {
  std::vector<LastHeard> found;
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (!workers_[i].gone) found.push_back(describe(i, now - workers_[i].heard));
  }
  return found;
}

std::vector<LastHeard> Liveness::absent(Clock::time_point now) const {
  std::vector<LastHeard> found;
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].greeted || now - workers_[i].heard <= kStartFactor * allowed_) continue;
    found.push_back(describe(i, now - workers_[i].heard));
  }
  return found;
}

std::vector<LastHeard> Liveness::silent(Clock::time_point now) const {
  std::vector<LastHeard> found;
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].gone || now - workers_[i].heard <= allowed_) continue;
    found.push_back(describe(i, now - workers_[i].heard));
  }
  return found;
}

std::vector<LastHeard> Liveness::stuck(Clock::time_point now) const {
  const Clock::duration alone =
      std::max<Clock::duration>(allowed_stillness_, kLongestFactor * longest_still_);
  const Clock::duration slow = std::max<Clock::duration>(alone, kSlowFactor * allowed_stillness_);
  std::vector<LastHeard> found;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const Worker& worker = workers_[i];
    Clock::duration limit = alone;
    if (!stepped_ || worker.phase == WorkerHeartbeat::WRITING) {
      limit = slow;
    } else if (worker.phase != WorkerHeartbeat::COMPUTING) {
      limit = 2 * alone;  // it waits for others, by a deadline of its own
    }
    if (worker.gone || !worker.greeted || now - worker.moved <= limit) continue;
    found.push_back(describe(i, now - worker.moved));
  }
  return found;
}

}  // namespace sphereface
