// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/this_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace sphereface {

std::string hostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown-host";
}

std::string processorList() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return "";
  const auto may = [&](int cpu) {
    return cpu < CPU_SETSIZE && CPU_ISSET(static_cast<size_t>(cpu), &allowed);
  };
  std::string list;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!may(cpu)) continue;
    const int first = cpu;
    while (may(cpu + 1))
      ++cpu;
    list += concat(list.empty() ? "" : ",", first, first < cpu ? concat("-", cpu) : std::string());
  }
  return list;
}

void openStandardStreams() {
  // open() takes the lowest free number.
  int opened = 0;
  while (opened >= 0 && opened <= STDERR_FILENO)
    opened = ::open("/dev/null", O_RDWR);  // NOLINT(android-cloexec-open): as those it stands for
  if (opened > STDERR_FILENO) ::close(opened);
}

size_t raiseOpenFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  // More than a job can use; a limit of a billion makes programs slow that close all they may have.
  constexpr rlim_t kEnough = 65536;
  const rlim_t wanted = std::min(limit.rlim_max, kEnough);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur;
}

size_t kernelBytes(const char* file, const std::string& field) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(field + ":")) continue;
    std::istringstream rest(line.substr(field.size() + 1));
    size_t kilobytes = 0;
    if (rest >> kilobytes) return kilobytes * 1024;
  }
  throw Error(concat(file, " has no ", field));
}

ProcessMemory processMemory() {
  return {kernelBytes("/proc/self/status", "VmRSS"), kernelBytes("/proc/self/status", "VmHWM")};
}

}  // namespace sphereface
