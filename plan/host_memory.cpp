// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "plan/host_memory.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "base/error.h"
#include "plan/cgroup.h"

namespace sphereface {
namespace {

/// Of a line "FIELD:   123 kB".
size_t kilobytesOf(const char* file, const std::string& field) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(field + ":")) continue;
    std::istringstream rest(line.substr(field.size() + 1));
    size_t kilobytes = 0;
    if (rest >> kilobytes) return kilobytes * 1024;
  }
  throw Error(concat(file, " has no ", field));
}

}  // namespace

ProcessMemory processMemory() {
  return {kilobytesOf("/proc/self/status", "VmRSS"), kilobytesOf("/proc/self/status", "VmHWM")};
}

size_t availableMemory() {
  const size_t free = kilobytesOf("/proc/meminfo", "MemAvailable");
  return std::min(free, cgroupLimits().memory_left.value_or(free));
}

}  // namespace sphereface
