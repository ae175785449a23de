// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/heartbeat.h"

#include <chrono>

#include "control/channel.h"

namespace sphereface {
namespace {

constexpr int kCoordinator = 0;
constexpr std::chrono::seconds kInterval{1};

}  // namespace

Heartbeat::Heartbeat(MPI_Comm comm) : comm_(comm), thread_([this] { beat(); }) {}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    after_error_ = std::uncaught_exceptions() > errors_when_made_;
  }
  ended_.notify_one();
  thread_.join();
}

void Heartbeat::beat() {
  MpiChannel channel(comm_);  // of this thread alone
  std::unique_lock lock(mutex_);
  while (!ending_) {
    WorkerHeartbeat heartbeat;
    heartbeat.set_step(step_);
    heartbeat.set_phase(phase_);
    heartbeat.set_progress(progress_);
    heartbeat.set_collective(last_collective_.text());
    channel.send(kCoordinator, KIND_HEARTBEAT, heartbeat);
    ended_.wait_for(lock, kInterval, [this] { return ending_; });
  }
  if (after_error_) channel.abandon();
}

}  // namespace sphereface
