// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "launch/hosts.h"

namespace sphereface {

/// Ranks next to each other that run one program. A job's ranks are numbered through its parts.
struct JobPart {
  Host place;           // with as many slots as the part has ranks; no name: where there is room
  std::string program;  // of this build
  std::vector<std::string> arguments;
  int cpus = 0;  // each rank's own, of those that the job may use on its host; 0: they share all
};

/// The path and the arguments of a part's program, through sphereface-on-cpus where ranks have CPUs
/// of their own; those of earlier parts on the same host have none.
std::vector<std::string> programLine(const std::vector<JobPart>& parts, size_t part);

}  // namespace sphereface
