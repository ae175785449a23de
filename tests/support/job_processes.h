// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Finds the processes of a running job by their command lines and what MPI says of them in their
// environments.

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>

namespace sphereface::testing {

/// 0 where there is none (any more).
struct JobProcesses {
  pid_t mpirun = 0;
  pid_t coordinator = 0;
  std::map<int, pid_t> workers;  // by world rank

  pid_t worker(int rank) const {
    const auto found = workers.find(rank);
    return found == workers.end() ? 0 : found->second;
  }
};

/// Of the newest job on this machine whose coordinator has `run` on its command line.
JobProcesses jobProcesses(const std::filesystem::path& run);

}  // namespace sphereface::testing
