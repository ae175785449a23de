// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A short real job: does mpirun start as many ranks as training would have, do they see each other,
// and how fast do they sum.

#pragma once

#include <cstdint>

#include "base/subprocess.h"
#include "doctor/finding.h"

namespace sphereface::doctor {

/// `sphereface-worker --probe` under mpirun, a coordinator and so many workers, for at most 60 s.
ProgramOutput runMpiProbe(int workers);

/// `allreduce_bytes`: gradients of a step of the run; 0 where they aren't known.
Finding mpiFinding(const ProgramOutput& probe, int workers, uint64_t allreduce_bytes);

/// Root may not start mpirun unless the environment says so twice. `allowed`: it does.
Finding rootFinding(bool is_root, bool allowed);
bool rootIsAllowed();

}  // namespace sphereface::doctor
