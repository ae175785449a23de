// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Jobs started by OpenMPI's mpirun. Nothing here calls MPI.

#pragma once

#include <optional>
#include <vector>

#include "base/subprocess.h"
#include "launch/job_part.h"
#include "launch/network_route.h"

namespace sphereface {

/// "mpirun" and the options every job is started with.
CommandLine mpirunLine();

/// The whole line: a part each, with a ":" between. mpirun otherwise tries every network that is
/// up.
CommandLine mpirunLine(const std::vector<JobPart>& parts, const std::optional<Route>& network);

/// What mpirun needs in its environment: OpenMPI refuses root unless told twice, and in a container
/// root is the usual user.
Environment mpirunEnvironment();

}  // namespace sphereface
