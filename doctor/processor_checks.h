// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What computes: instruction set, device, threads.

#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "doctor/finding.h"
#include "kernels/processor.h"
#include "proto/config.pb.h"

namespace sphereface::doctor {

/// `worker` says what is asked of the processor; null when there is no configuration.
Finding processorFinding(const Processor& processor, const WorkerConfig* worker);

/// Whether this build has worker.device.
Finding deviceFinding(const WorkerConfig& worker);

/// Processors the job may use on this host.
struct UsableThreads {
  size_t allowed = 1;           // logical processors, by affinity
  std::optional<double> quota;  // by the control groups: seconds of processor time a second
};
UsableThreads usableThreads();

/// The job's threads on this host.
struct JobThreads {
  int workers = 1;
  size_t each = 1;      // compute threads of a worker
  size_t limit = 0;     // of OpenMP's threads, by OMP_THREAD_LIMIT; 0: none
  std::string binding;  // an environment variable that pins OpenMP's threads, "NAME=VALUE"; or ""
};
/// The variables of this process's environment, which mpirun passes on.
std::string threadBinding();
size_t threadLimit();

Finding threadsFinding(const UsableThreads& usable, const JobThreads& job);

}  // namespace sphereface::doctor
