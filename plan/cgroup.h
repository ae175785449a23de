// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a container or a batch system allows this process: limits of its control groups, version 1
// or 2.

#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

namespace sphereface {

struct CgroupLimits {
  std::optional<size_t> memory;       // bytes that may be in use at all
  std::optional<size_t> memory_left;  // of them, not in use; the page cache can be taken back
  std::optional<double> processors;   // seconds of processor time a second
};

/// The tightest limits of the process's groups and all groups above them. `groups` says which they
/// are, `mount` is where the hierarchies are mounted. What isn't there limits nothing.
CgroupLimits cgroupLimits(const std::filesystem::path& groups = "/proc/self/cgroup",
                          const std::filesystem::path& mount = "/sys/fs/cgroup");

/// Bytes of this host's memory that new programs could take without swapping, no more than what
/// those limits leave. errors: Error when the kernel doesn't say.
size_t availableMemory();

}  // namespace sphereface
