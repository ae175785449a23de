// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "control/mpirun.h"

#include <unistd.h>

#include "base/error.h"

namespace sphereface {

CommandLine mpirunLine() {
  return {"mpirun", "--oversubscribe", "--bind-to", "none",
          // Debian 13's mpirun (OpenMPI 5.0.7) crashes on a line with a colon while it sets
          // variables nobody here reads.
          "--mca", "pmdl", "^ompi"};
}

void addRanks(CommandLine& line, const std::string& host, int count, const std::string& program) {
  if (!host.empty()) line.insert(line.end(), {"--host", concat(host, ":", count)});
  line.insert(line.end(), {"-np", std::to_string(count), siblingProgram(program).string()});
}

Environment mpirunEnvironment() {
  if (::geteuid() != 0) return {};
  return {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}};
}

}  // namespace sphereface
