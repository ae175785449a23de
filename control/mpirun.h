// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How jobs of ours are started. Nothing here calls MPI.

#pragma once

#include <string>

#include "base/subprocess.h"

namespace sphereface {

/// "mpirun" and the options every job is started with.
CommandLine mpirunLine();

/// Adds a part to an mpirun line: `count` ranks of a program of this build, on a host or, without
/// one, wherever mpirun likes. The program's arguments follow; between parts stands a ":".
void addRanks(CommandLine& line, const std::string& host, int count, const std::string& program);

/// What mpirun needs in its environment: OpenMPI refuses root unless told twice, and in a container
/// root is the usual user.
Environment mpirunEnvironment();

}  // namespace sphereface
