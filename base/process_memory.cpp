// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/process_memory.h"

#include <fstream>
#include <sstream>

#include "base/error.h"

namespace sphereface {

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
