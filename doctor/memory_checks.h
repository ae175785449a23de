// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <cstdint>

#include "doctor/finding.h"
#include "plan/forecast.h"

namespace sphereface::doctor {

/// Memory of a job on this host, all its workers together.
struct MemoryNeed {
  int workers = 1;
  size_t engine = 0;   // of one worker, with the batches and a checkpoint's part
  size_t cache = 0;    // decoded images one worker keeps
  size_t program = 0;  // programs and libraries, of one process

  size_t total() const {
    return static_cast<size_t>(workers) * (engine + cache) +
           static_cast<size_t>(workers + 1) * program;
  }
};

MemoryNeed memoryNeed(const PlannedRun& run, const Forecast& forecast);

/// `available`: bytes that programs can take without swapping.
Finding memoryFinding(const MemoryNeed& need, size_t available);

/// Whether the data stay in memory once read. `left`: what the job leaves of the host's memory.
Finding pageCacheFinding(uint64_t data_bytes, size_t left);

}  // namespace sphereface::doctor
