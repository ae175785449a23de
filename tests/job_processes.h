// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Finds the processes of a running job by their command lines and parents.

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

namespace sphereface::testing {

/// 0 where there is none (any more).
struct JobProcesses {
  pid_t mpirun = 0;
  pid_t coordinator = 0;
  std::vector<pid_t> workers;  // in the order they were started

  /// World rank `rank`.
  pid_t worker(int rank) const {
    const auto index = static_cast<size_t>(rank - 1);
    return index < workers.size() ? workers[index] : 0;
  }
};

/// Of the job on this host whose coordinator has `run` on its command line.
JobProcesses jobProcesses(const std::filesystem::path& run);

}  // namespace sphereface::testing
