// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What OpenMPI and the workers need of the host beside processors and memory: shared memory, limits
// of a process, a folder for temporary files.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "doctor/finding.h"

namespace sphereface::doctor {

/// Of a file system.
struct Space {
  uint64_t size = 0;
  uint64_t free = 0;  // for this user
};
/// None when there is no such folder.
std::optional<Space> spaceOf(const std::filesystem::path& folder);

/// /dev/shm, through which OpenMPI's ranks of one host exchange gradients.
Finding sharedMemoryFinding(const std::optional<Space>& space, int ranks);

/// Limits of this process, which those it starts inherit; none: unlimited.
struct ProcessLimits {
  std::optional<uint64_t> open_files;
  std::optional<uint64_t> locked_memory;
  std::optional<uint64_t> file_size;
  std::optional<uint64_t> address_space;
  bool has_infiniband = false;  // whose transport locks memory
};
ProcessLimits processLimits();

/// What a job on this host asks for; 0 where it isn't known.
struct LimitNeed {
  int ranks = 1;
  uint64_t largest_file = 0;   // a checkpoint's part
  uint64_t address_space = 0;  // of a worker, the mapped data included
};
Finding limitsFinding(const ProcessLimits& limits, const LimitNeed& need);

/// The folder in which mpirun makes its session's folder.
struct SessionFolder {
  std::filesystem::path base;
  std::string host;
  unsigned user = 0;
  bool writable = false;
  std::optional<Space> space;
  std::string network_system;  // name of the network file system it lies on; or ""
};
SessionFolder sessionFolder();
Finding sessionFinding(const SessionFolder& folder);

}  // namespace sphereface::doctor
