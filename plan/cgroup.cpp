// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "plan/cgroup.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "base/this_process.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// Version 1 writes "no limit" as a number near 2^63.
constexpr double kUnlimited = 0x1p60;

/// The first number of a file; none for "max", "-1" and a missing file.
std::optional<double> numberIn(const fs::path& file) {
  std::ifstream in(file);
  double value = 0;
  if (!(in >> value) || value < 0 || value >= kUnlimited) return std::nullopt;
  return value;
}

/// Of a line "FIELD 123".
double fieldIn(const fs::path& file, const std::string& field) {
  std::ifstream in(file);
  std::string name;
  for (double value = 0; in >> name >> value;) {
    if (name == field) return value;
  }
  return 0;
}

template <class Number>
void tighten(std::optional<Number>& limit, Number value) {
  limit = limit ? std::min(*limit, value) : value;
}

/// Names of the files of one version.
struct Files {
  const char* memory;
  const char* used;
  const char* inactive;  // of memory.stat: page cache that is given back first
};
constexpr Files kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                             "total_inactive_file"};
constexpr Files kVersion2 = {"memory.max", "memory.current", "inactive_file"};

void readMemory(const fs::path& group, const Files& files, CgroupLimits& limits) {
  const std::optional<double> most = numberIn(group / files.memory);
  if (!most) return;
  const double used = numberIn(group / files.used).value_or(0);
  const double cache = fieldIn(group / "memory.stat", files.inactive);
  tighten(limits.memory, static_cast<size_t>(*most));
  tighten(limits.memory_left,
          static_cast<size_t>(std::max(0.0, *most - std::max(0.0, used - cache))));
}

void readProcessors(const fs::path& group, CgroupLimits& limits) {
  std::optional<double> quota = numberIn(group / "cpu.cfs_quota_us");
  double period = numberIn(group / "cpu.cfs_period_us").value_or(0);
  std::ifstream version2(group / "cpu.max");
  std::string text;
  if (version2 >> text >> period && text != "max") quota = numberIn(group / "cpu.max");
  if (quota && period > 0) tighten(limits.processors, *quota / period);
}

/// The group and those above it. In a container the name counts from the host's root and isn't
/// below the mount: what is mounted is the group then.
template <class Read>
void climb(const fs::path& root, const fs::path& name, Read read) {
  if (!fs::is_directory(root)) return;
  fs::path group = (root / name.relative_path()).lexically_normal();
  if (!fs::is_directory(group)) group = root;
  while (true) {
    read(group);
    if (group == root || !group.has_relative_path()) return;
    group = group.parent_path();
  }
}

}  // namespace

CgroupLimits cgroupLimits(const fs::path& groups, const fs::path& mount) {
  CgroupLimits limits;
  std::ifstream in(groups);
  // HIERARCHY:CONTROLLERS:NAME, without controllers for version 2
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string name = line.substr(second + 1);
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty()) {
      for (const fs::path& root : {mount, mount / "unified"}) {
        climb(root, name, [&](const fs::path& group) {
          readMemory(group, kVersion2, limits);
          readProcessors(group, limits);
        });
      }
      continue;
    }
    std::istringstream list(controllers);
    for (std::string controller; std::getline(list, controller, ',');) {
      if (controller == "memory") {
        climb(mount / controllers, name,
              [&](const fs::path& group) { readMemory(group, kVersion1, limits); });
      } else if (controller == "cpu") {
        climb(mount / controllers, name,
              [&](const fs::path& group) { readProcessors(group, limits); });
      }
    }
  }
  return limits;
}

size_t availableMemory() {
  const size_t free = kernelBytes("/proc/meminfo", "MemAvailable");
  return std::min(free, cgroupLimits().memory_left.value_or(free));
}

}  // namespace sphereface
