// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// SIGTERM and SIGUSR1 ask a job to commit a checkpoint at its next step and end; job schedulers
// send them ahead of a time limit.

#pragma once

namespace sphereface {

/// From now on the two signals are remembered instead of ending this process.
void catchStopSignals();

/// True once one has come.
bool stopRequested();

/// The number of the newest one; 0: none has come.
int stopSignal();

}  // namespace sphereface
