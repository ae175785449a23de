// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How jobs of ours are started. Nothing here calls MPI.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/subprocess.h"
#include "control/hosts.h"
#include "control/network_route.h"

namespace sphereface {

/// "mpirun" and the options every job is started with.
CommandLine mpirunLine();

/// What the hosts reach each other through (control/network_route.h). mpirun otherwise tries every
/// network that is up. None where that isn't known, or OMPI_MCA_btl_tcp_if_include chooses.
std::optional<Route> networkOf(const std::vector<Host>& hosts);
void useNetwork(CommandLine& line, const std::optional<Route>& network);

/// Adds a part to an mpirun line: `count` ranks of a program of this build, on a host or, without
/// one, wherever mpirun likes. The program's arguments follow; between parts stands a ":".
void addRanks(CommandLine& line, const std::string& host, int count, const std::string& program);

/// The same with each rank on `cpus` CPUs of its own, of those that the job may use on its host;
/// the `before` ranks that the line puts on the host earlier get none.
void addRanksOnCpus(CommandLine& line, const std::string& host, int count,
                    const std::string& program, int cpus, int before);

/// What mpirun needs in its environment: OpenMPI refuses root unless told twice, and in a container
/// root is the usual user.
Environment mpirunEnvironment();

}  // namespace sphereface
