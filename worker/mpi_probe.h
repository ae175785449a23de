// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

namespace sphereface {

/// Tries MPI as a job would use it and prints what it finds as one line of JSON, from rank 0: the
/// library, whether threads may call it, each rank's host, and, over the ranks but the first (which
/// is a job's coordinator and sleeps), seconds of a sum of one float and of 16 MiB, and how many
/// sums were wrong. Started under mpirun with as many ranks as a job has; takes about a second.
/// Returns the exit code; a rank that fails ends the job.
int probeMpi(int& argc, char**& argv);

}  // namespace sphereface
