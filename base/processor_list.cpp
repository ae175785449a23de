// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/processor_list.h"

#include <sched.h>

#include <cstddef>

#include "base/error.h"

namespace sphereface {

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

}  // namespace sphereface
