// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One optimiser step of one worker: its images forward and backward, gradients summed over the
// workers meanwhile, the update.

#pragma once

#include <array>
#include <memory>

#include "control/mpi_session.h"
#include "data/loader.h"
#include "kernels/engine.h"
#include "model/schedule.h"
#include "proto/config.pb.h"
#include "proto/control.pb.h"
#include "worker/divergence_guard.h"
#include "worker/gradient_sum.h"
#include "worker/heartbeat.h"
#include "worker/slice_exchange.h"

namespace sphereface {

/// What gradients travel as.
Wire wireOf(const WorkerConfig& config);

class StepRunner {
 public:
  /// All arguments must outlive the runner. The engine's batch is the worker's slice of a batch
  /// divided by its shards.
  StepRunner(const MpiSession& session, const TrainConfig& config, const RunLength& length,
             Engine& engine, Loader& loader, DivergenceGuard& guard, Heartbeat* heartbeat);

  /// What a worker wants to follow a step, and what all do when some worker wants it.
  struct Wishes {
    bool stop = false;
    bool checkpoint = false;
  };

  /// How a step ended, the same on every worker.
  struct Outcome {
    Wishes next;
    double loss = 0;        // mean over the images of all workers
    bool diverged = false;  // by the guard: nothing was updated
  };

  /// Trains step `step` on the next batches of the loader: for each shard, those of its passes.
  /// `forward_passes`: done before it. errors: the loader's; the reducer's.
  Outcome run(uint64_t step, uint64_t forward_passes, const Wishes& wishes, StepReport& report);

  /// What was recorded of the steps that worker.trace_steps asks for.
  const Timeline& timeline() const { return timeline_; }

 private:
  /// Times in seconds of now().
  void record(const char* name, Timeline::Track track, double begin, double end, size_t bytes = 0);
  Outcome agree(const Wishes& wishes, const StepReport& report);
  void takeBatch();
  void runPass(uint64_t step, uint64_t forward_passes, uint32_t shard, uint32_t pass,
               StepReport& report);
  void shardReady(uint32_t shard, const GradientRange& range);
  void update(StepReport& report);

  const MpiSession& session_;
  const TrainConfig& config_;
  const RunLength& length_;
  Engine& engine_;
  Loader& loader_;
  DivergenceGuard& guard_;
  Heartbeat* heartbeat_;  // may be null
  uint32_t shards_;
  Batch batch_;
  Batch ahead_batch_;  // the next one, where `ahead_`
  bool ahead_ = false;
  std::vector<std::vector<uint64_t>> records_;  // by pass, when audited
  std::unique_ptr<ShardTree> tree_;             // of several shards
  std::unique_ptr<GradientSum> reducer_;        // of several workers
  uint64_t steps_run_ = 0;
  uint64_t step_ = 0;
  bool tracing_ = false;
  Timeline timeline_;
  // Reduced with the gradients: how many workers want to stop, and the sum of their losses.
  std::array<float, 3> votes_ = {};
};

}  // namespace sphereface
