// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "control/mpi_session.h"

namespace sphereface {

/// One worker's whole run: says hello, takes the plan from the coordinator, trains the steps it is
/// leased, reports each, says goodbye.
void train(const MpiSession& session);

}  // namespace sphereface
