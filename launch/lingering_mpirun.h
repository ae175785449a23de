// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// An mpirun whose ranks here have all ended waits for those on hosts that it can't reach any more
// until TCP gives up, which takes a quarter of an hour. This says when to wait no longer.

#pragma once

#include <sys/types.h>

#include <chrono>

namespace sphereface {

class LingeringMpirun {
 public:
  using Clock = std::chrono::steady_clock;
  /// How long mpirun may take to end the rest of a job.
  static constexpr std::chrono::seconds kAllowed{10};

  /// To be called often. True once the coordinator, a child of mpirun's, has been gone for longer
  /// than allowed. Never, when mpirun runs on another host than the coordinator.
  bool waitsInVain(pid_t mpirun, Clock::time_point now);

 private:
  bool begun_ = false;
  Clock::time_point seen_;  // the coordinator
};

/// Ends mpirun and what it still has started: the connections to the other hosts. By SIGKILL, as
/// SIGTERM makes it wait for the same hosts again.
void endMpirun(pid_t mpirun);

}  // namespace sphereface
