// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "proto/control.pb.h"
#include "run/step_figures.h"

namespace sphereface {

/// What a worker itself did for a step: all of it but communication and idleness.
double workSeconds(const StepReport& report);

/// Of a job with more workers only the first ones are told one by one.
constexpr int kMostRanksShown = 256;

/// One worker's share of a step.
struct RankStep {
  uint64_t images = 0;
  double work_seconds = 0;
  uint64_t memory_bytes = 0;  // of some steps; 0: not told
};

/// By StepReport::BadSample::Reason.
constexpr std::array<const char*, 3> kBadSampleReasons = {"undecodable", "wrong_shape",
                                                          "bad_label"};

/// One worker's share of an interval of steps.
struct RankInterval {
  double images_per_second = 0;
  double work_seconds = 0;    // a step
  uint64_t memory_bytes = 0;  // 0: not told
};

/// One optimiser step as the whole job did it.
struct StepSummary {
  uint64_t step = 0;
  uint64_t images = 0;
  bool skipped = false;  // its loss diverged: nothing was updated
  FigureValues figures;  // as OverWorkers makes them
  std::vector<StepReport::BadSample> bad_samples;
  std::vector<RankStep> ranks;    // by worker
  std::vector<uint64_t> records;  // audited ids in global batch order, if asked for
};

/// Puts the workers' reports of a step together. Workers may be a step apart.
class StepCollector {
 public:
  /// `passes`: batches of a step (solver.iter_size).
  StepCollector(int workers, int passes) : workers_(workers), passes_(passes) {}

  /// Takes the report of worker `worker` (from 0). The step's summary once all have reported it.
  /// errors: Error when a worker reports a step twice.
  std::optional<StepSummary> add(int worker, StepReport report);

 private:
  int workers_;
  int passes_;
  std::map<uint64_t, std::map<int, StepReport>> reports_;
};

}  // namespace sphereface
