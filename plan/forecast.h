// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a run needs, from its configuration and shapes alone. Times come from a probe (probe.h).

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/engine.h"
#include "model/schedule.h"
#include "proto/config.pb.h"

namespace sphereface {

struct PlannedRun {
  TrainConfig config;    // checked
  uint64_t records = 0;  // of the data set
  uint64_t classes = 0;
  int workers = 1;
  // The host that all workers are taken to share: its threads, and bytes of memory not in use.
  size_t host_threads = 1;
  size_t host_memory = 0;
};

/// The engine of the worker that has the most images of a batch, as many as a pass has.
EngineOptions engineOptions(const PlannedRun& run);

/// Bytes of one worker, without its program and libraries.
struct WorkerMemory {
  EngineMemory engine;
  size_t shard_tree = 0;  // gradients of virtual shards that wait for others', beside the engine's
  bool on_gpu = false;    // both
  size_t loader = 0;      // decoded batches: those ahead and the one in use
  size_t checkpoint = 0;  // the copy that is written, in the worker that writes it

  size_t ofDevice() const { return engine.total() + shard_tree; }
  size_t ofHost() const { return (on_gpu ? 0 : ofDevice()) + loader + checkpoint; }
};

/// A moment of the run: what its step trains with.
struct ScheduleRow {
  double share = 0;  // of the run
  uint64_t step = 0;
  uint64_t images = 0;  // seen before it
  double epochs = 0;
  double learning_rate = 0;
  HeadStep head;  // of its last pass
};

/// What is probably not meant.
struct PlanWarning {
  std::string text;
  std::string fix;  // fields of the configuration to change
};

struct Forecast {
  RunLength length;
  uint32_t worker_batch = 0;  // images of a pass on the worker that has the most
  size_t trunk_parameters = 0;
  size_t head_parameters = 0;  // of all classes
  WorkerMemory memory;
  uint64_t allreduce_bytes = 0;  // gradients that each worker puts in at every step
  uint64_t exchange_bytes = 0;   // of the head whose classes are spread: of all images of a step
  double flops_per_image = 0;    // forward and backward: 6 for each multiply-add of the forward
  uint64_t checkpoint_bytes = 0;
  uint64_t checkpoints = 0;  // kept at the end, the initial one included
  std::vector<ScheduleRow> schedule;
  std::vector<PlanWarning> warnings;

  double flopsPerStep() const {
    return flops_per_image * static_cast<double>(length.images_per_step);
  }
};

/// The network's memory on a CPU is extrapolated from what two small engines of the same network
/// hold; with worker.convolution FASTEST it is the most that its choice can take. On a GPU, which
/// needn't be there, it is without cuDNN's workspace.
/// errors: those of makeEngine.
Forecast forecastRun(const PlannedRun& run);

}  // namespace sphereface
