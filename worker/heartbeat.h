// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Tells the coordinator every second that this process lives and what it is doing, from a thread of
// its own, so that a long step or a reduction that waits for others isn't taken for death; and how
// far the main thread has come, so that one that hangs is not taken for alive.

#pragma once

#include <mpi.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>

#include "proto/control.pb.h"
#include "worker/last_collective.h"

namespace sphereface {

class Heartbeat {
 public:
  /// requires: MPI_THREAD_MULTIPLE; `comm` outlives it.
  explicit Heartbeat(MPI_Comm comm);
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  ~Heartbeat();

  /// What this process does from now on.
  void doing(uint64_t step, WorkerHeartbeat::Phase phase) {
    step_ = step;
    phase_ = phase;
    progressed();
  }
  /// A part of it is done.
  void progressed() { ++progress_; }
  /// Told with it.
  LastCollective& lastCollective() { return last_collective_; }

 private:
  void beat();

  MPI_Comm comm_;
  std::atomic<uint64_t> step_{0};
  std::atomic<uint64_t> progress_{0};
  std::atomic<WorkerHeartbeat::Phase> phase_{WorkerHeartbeat::STARTING};
  LastCollective last_collective_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  int errors_when_made_ = std::uncaught_exceptions();
  bool after_error_ = false;  // whoever handles it ends the job: don't wait for the coordinator
  std::thread thread_;
};

}  // namespace sphereface
