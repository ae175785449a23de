// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "proto/control.pb.h"

namespace sphereface {

/// The parts of a step's time, in their order.
enum class StepPart {
  kLoader,  // waiting for images
  kForward,
  kHead,
  kBackward,
  kCommunication,  // not hidden behind backward
  kOptimizer,
  kIdle,  // before the step, without a lease
};
constexpr size_t kStepParts = 7;
/// As metrics and metrics.jsonl have them.
constexpr std::array<const char*, kStepParts> kStepPartNames = {
    "loader", "forward", "head", "backward", "communication", "optimizer", "idle"};

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
  double loss = 0;       // mean over images
  double accuracy = 0;
  double target_cosine = 0;      // mean over images
  double past_margin_share = 0;  // of images whose label's logit, with its margin, is the largest
  double lambda = 0;
  double margin = 0;
  double learning_rate = 0;
  double gradient_norm = 0;
  std::optional<double> weight_norm;  // of the network; of some steps
  std::vector<StepReport::BadSample> bad_samples;
  uint64_t zero_norm_embeddings = 0;
  uint64_t cache_hits = 0;   // images that needed no decoding
  uint64_t cache_bytes = 0;  // of decoded images kept by all workers
  // Means over workers.
  std::array<double, kStepParts> part_seconds = {};
  double reduction_seconds = 0;  // hidden behind backward or not; no part of the step's sum
  // Before the step, in the worker that stood still longest; no part of its sum.
  double checkpoint_seconds = 0;
  double seconds(StepPart part) const { return part_seconds[static_cast<size_t>(part)]; }
  /// The parts' sum.
  double seconds() const;
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
