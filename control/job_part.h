// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

#include "control/hosts.h"

namespace sphereface {

/// Ranks next to each other that run one program. A job's ranks are numbered through its parts.
struct JobPart {
  Host place;           // with as many slots as the part has ranks; no name: where there is room
  std::string program;  // of this build
  std::vector<std::string> arguments;
  int cpus = 0;  // each rank's own, of those that the job may use on its host; 0: they share all
};

/// The program's path and its arguments, through sphereface-on-cpus where ranks have CPUs of their
/// own; the `before` ranks that earlier parts put on the host have none.
std::vector<std::string> programLine(const JobPart& part, int before);

/// How many ranks the parts before `index` put on the host of part `index`.
int ranksBefore(const std::vector<JobPart>& parts, size_t index);

}  // namespace sphereface
