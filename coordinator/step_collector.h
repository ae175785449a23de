// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "proto/control.pb.h"

namespace sphereface {

/// One optimiser step as the whole job did it.
struct StepSummary {
  uint64_t step = 0;
  uint64_t images = 0;
  bool skipped = false;  // its loss diverged: nothing was updated
  double loss = 0;       // mean over images
  double accuracy = 0;
  double target_cosine = 0;
  double lambda = 0;
  double margin = 0;
  double learning_rate = 0;
  double gradient_norm = 0;
  uint64_t bad_records = 0;
  uint64_t zero_norm_embeddings = 0;
  uint64_t cache_hits = 0;   // images that needed no decoding
  uint64_t cache_bytes = 0;  // of decoded images kept by all workers
  // Means over workers, seconds.
  double loader_seconds = 0;
  double forward_seconds = 0;
  double head_seconds = 0;
  double backward_seconds = 0;
  double communication_seconds = 0;  // not hidden behind backward
  double reduction_seconds = 0;      // hidden or not; no part of the step's sum
  double optimizer_seconds = 0;
  // Before the step, in the worker that stood still longest; no part of its sum.
  double checkpoint_seconds = 0;
  /// The parts' sum.
  double seconds() const {
    return loader_seconds + forward_seconds + head_seconds + backward_seconds +
           communication_seconds + optimizer_seconds;
  }
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
