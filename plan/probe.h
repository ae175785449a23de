// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A few training steps of the real engine on random images: how fast, and how much memory.

#pragma once

#include <cstddef>
#include <string>

#include "plan/forecast.h"

namespace sphereface {

struct Probe {
  int steps = 0;            // timed
  double pass_seconds = 0;  // forward, head and backward of one batch of a worker, median
  double update_seconds = 0;
  int threads = 0;
  double matrix_peak = 0;      // FLOP/s that its engine reaches in a matrix product
  std::string device;          // of a GPU: its name
  size_t engine_bytes = 0;     // by the engine's own account
  size_t resident_before = 0;  // of the process
  size_t resident_peak = 0;

  /// What the engine and its libraries occupied.
  size_t measuredBytes() const { return resident_peak - resident_before; }
};

/// One step to warm up, then at most `steps`, fewer when they would take longer than `seconds`, but
/// at least one. Times one worker alone on the host.
/// errors: those of makeEngine; Error for classes spread over GPUs, which are several.
Probe probeRun(const PlannedRun& run, int steps, double seconds);

/// Of the whole job, when every worker is as fast as the one probed and the reduction and the
/// loader cost nothing; shared out when the workers have more threads than the host, on CPUs.
double stepSeconds(const PlannedRun& run, const Probe& probe);

}  // namespace sphereface
