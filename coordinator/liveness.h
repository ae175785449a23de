// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/control.pb.h"
#include "watch/live_status.h"

namespace sphereface {

/// Which workers the coordinator has heard from, and what they last said they were doing.
class Liveness {
 public:
  using Clock = std::chrono::steady_clock;

  /// Workers 1..`workers` by world rank; each is silent from now on. A worker whose heart beats may
  /// do the same thing for `allowed_stillness`, or 20 times as long as any computing took so far;
  /// for 12 times `allowed_stillness` before the first step and while it writes a checkpoint.
  Liveness(int workers, std::chrono::seconds allowed_silence,
           std::chrono::seconds allowed_stillness, Clock::time_point now);

  void hello(int rank, const std::string& host, Clock::time_point now);
  /// Any message of the worker.
  void heard(int rank, Clock::time_point now);
  void heartbeat(int rank, const WorkerHeartbeat& heartbeat, Clock::time_point now);
  void stepDone(int rank, const StepReport& report, Clock::time_point now);
  /// It ended as it should and needn't be heard any more.
  void goodbye(int rank);

  /// To be called often. Time in which it wasn't is no silence of the workers: this process was
  /// paused itself, or busy.
  void tick(Clock::time_point now);

  /// Of every worker that hasn't said goodbye.
  std::vector<LastHeard> lastHeard(Clock::time_point now) const;
  /// Of those that have never been heard of, after 12 times the allowed silence: they hang in their
  /// start.
  std::vector<LastHeard> absent(Clock::time_point now) const;
  /// Of those that have been silent for longer than allowed.
  std::vector<LastHeard> silent(Clock::time_point now) const;
  /// Of those whose heart beats and who don't get on with what they do, though they wait for
  /// nobody; `ago` is how long they haven't.
  std::vector<LastHeard> stuck(Clock::time_point now) const;

 private:
  struct Worker {
    std::string host = "?";
    Clock::time_point heard;
    Clock::time_point moved;  // when it last got on
    uint64_t progress = 0;
    WorkerHeartbeat::Phase phase = WorkerHeartbeat::STARTING;
    std::string doing = "in step 0, starting";
    std::string collective;
    bool greeted = false;
    bool gone = false;
  };
  Worker& at(int rank) { return workers_.at(static_cast<size_t>(rank - 1)); }

  void moved(Worker& worker, Clock::time_point now);
  LastHeard describe(size_t worker, Clock::duration ago) const;

  std::chrono::seconds allowed_;
  std::chrono::seconds allowed_stillness_;
  Clock::duration longest_still_{0};  // of computing
  bool stepped_ = false;
  Clock::time_point last_tick_;
  std::vector<Worker> workers_;
};

}  // namespace sphereface
