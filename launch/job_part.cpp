// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/job_part.h"

#include "base/subprocess.h"

namespace sphereface {

std::vector<std::string> programLine(const std::vector<JobPart>& parts, size_t part) {
  const JobPart& own = parts[part];
  std::vector<std::string> line;
  if (own.cpus > 0) {
    int first = 0;   // rank
    int before = 0;  // ranks on the host
    for (size_t i = 0; i < part; ++i) {
      first += parts[i].place.slots;
      if (parts[i].place.name == own.place.name) before += parts[i].place.slots;
    }
    line = {siblingProgram("sphereface-on-cpus").string(), std::to_string(own.cpus),
            std::to_string(before), std::to_string(first)};
  }
  line.push_back(siblingProgram(own.program).string());
  line.insert(line.end(), own.arguments.begin(), own.arguments.end());
  return line;
}

}  // namespace sphereface
