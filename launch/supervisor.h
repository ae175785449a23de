// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A training job from its start to its end: a coordinator and its workers under mpirun or srun,
// watched over, and started again where it may be.

#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "launch/launch.h"
#include "run/log_output.h"

namespace sphereface {

struct TrainingJob {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::filesystem::path run;
  std::string resume = "never";  // of the first start; later ones: auto
  Launcher launcher = Launcher::kMpirun;
  std::vector<Host> hosts;  // empty: where the launcher has room
  int workers = 1;
  int cpus_per_worker = 0;                // 0: they share their host's
  std::chrono::seconds start_limit{720};  // within which a coordinator must have begun
  bool progress_bar = false;
  int restarts = 0;     // without a new checkpoint between
  int min_workers = 0;  // restart with fewer each time, down to this many; 0: as many as before
  bool workers_share_shards = false;  // then fewer are half of them
};

/// Runs the job until it ends otherwise than by failing, or has failed too often since its newest
/// checkpoint; returns its exit code. `beside`, if any, is called ten times a second meanwhile.
/// Once catchStopSignals() was called, the first stop signal is handed on to all ranks, and a
/// second one ends them at once (code: 128 + signal); once catchSuspend() was, Ctrl-Z stops the
/// ranks of this host and, when it is continued, continues them. What the job itself couldn't tell
/// of its end is added to the run's events. errors: those of JobStart; Error when too few files may
/// be open.
int supervise(TrainingJob job, LogOutput& output, const std::function<void()>& beside = {});

}  // namespace sphereface
