// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "control/mpirun.h"

#include <unistd.h>

namespace sphereface {

CommandLine mpirunLine() {
  return {"mpirun", "--oversubscribe", "--bind-to", "none",
          // Debian 13's mpirun (OpenMPI 5.0.7) crashes on a line with a colon while it sets
          // variables nobody here reads.
          "--mca", "pmdl", "^ompi"};
}

Environment mpirunEnvironment() {
  if (::geteuid() != 0) return {};
  return {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}};
}

}  // namespace sphereface
