// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "control/job_part.h"

#include <cstddef>

#include "base/subprocess.h"

namespace sphereface {

std::vector<std::string> programLine(const JobPart& part, int before) {
  std::vector<std::string> line;
  if (part.cpus > 0) {
    line = {siblingProgram("sphereface-on-cpus").string(), std::to_string(part.cpus),
            std::to_string(before)};
  }
  line.push_back(siblingProgram(part.program).string());
  line.insert(line.end(), part.arguments.begin(), part.arguments.end());
  return line;
}

int ranksBefore(const std::vector<JobPart>& parts, size_t index) {
  int ranks = 0;
  for (size_t i = 0; i < index; ++i) {
    if (parts[i].place.name == parts[index].place.name) ranks += parts[i].place.slots;
  }
  return ranks;
}

}  // namespace sphereface
