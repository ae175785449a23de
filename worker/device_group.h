// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "control/mpi_session.h"
#include "kernels/engine.h"

namespace sphereface {

/// A new group of all workers' devices; without an id where sums over them are made by MPI. Called
/// by all workers together.
DeviceGroup newGroupOfWorkers(const MpiSession& session, Device device);

}  // namespace sphereface
