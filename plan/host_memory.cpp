// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "plan/host_memory.h"

#include <algorithm>

#include "base/process_memory.h"
#include "plan/cgroup.h"

namespace sphereface {

size_t availableMemory() {
  const size_t free = kernelBytes("/proc/meminfo", "MemAvailable");
  return std::min(free, cgroupLimits().memory_left.value_or(free));
}

}  // namespace sphereface
