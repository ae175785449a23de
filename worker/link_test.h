// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How fast the network between the hosts of a job is, measured before its first step: a cable that
// fell back to a tenth of its rate, or a virtual bridge that MPI took for a network, otherwise only
// shows as a slow run.

#pragma once

#include "control/mpi_session.h"
#include "proto/control.pb.h"
#include "worker/peer_messages.h"
#include "worker/slice_exchange.h"

namespace sphereface {

/// The host that `host` of `hosts` meets in round `round` of a tournament in which each meets every
/// other once (the circle method); -1 when it rests. Rounds: hosts - 1, or hosts where they are
/// odd.
int partnerInRound(int host, int hosts, int round);

/// Messages both ways between the first workers of two hosts, each of which meets up to 15 others,
/// all hosts at once: the time that 8 bytes take, and the best rate of five tries with the first of
/// 64 KiB, 256 KiB, ... up to 16 MiB that takes more than 20 ms each time. Then the gradients'
/// reduction over all workers, of 64 KiB, 256 KiB, ... up to 16 MiB, while that takes less than
/// half a second. Called by all workers together. Returns the report on the first one, an empty one
/// elsewhere. cost: with H hosts up to min(H, 15) times 0.3 s, and some seconds on a slow network.
/// errors: Error naming the worker that was waited for in vain.
LinkReport testLinks(const MpiSession& session, Wire wire, const WaitOptions& waits);

}  // namespace sphereface
