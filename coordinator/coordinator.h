// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "control/channel.h"

namespace sphereface {

struct CoordinatorOptions {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::filesystem::path run;     // folder of the run; empty: runs/NAME
  std::string resume = "never";  // auto, never, or a checkpoint folder
  bool progress_bar = false;     // stdout ends in a terminal
};

/// The coordinator's whole run with workers 1 .. `workers` at the other end of `channel`; in log
/// lines it calls itself `name`. It hands the plan to the workers, leases them their shares of the
/// steps ahead of need, gathers their reports, commits checkpoints, serves metrics. Returns
/// kExitDone, or kExitStopped when the run was asked to stop.
/// errors: Error, also when a worker falls silent.
int coordinate(Channel& channel, int workers, const std::string& name,
               const CoordinatorOptions& options);

}  // namespace sphereface
