// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How jobs of ours are started. Nothing here calls MPI.

#pragma once

#include "base/subprocess.h"

namespace sphereface {

/// "mpirun" and the options every job is started with.
CommandLine mpirunLine();

/// What mpirun needs in its environment: OpenMPI refuses root unless told twice, and in a container
/// root is the usual user.
Environment mpirunEnvironment();

}  // namespace sphereface
