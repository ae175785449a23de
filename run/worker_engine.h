// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Which engine a worker of a run gets: what worker, `plan` and `doctor` all ask.

#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/engine.h"
#include "proto/config.pb.h"
#include "run/share.h"

namespace sphereface {

/// One worker among those of the job, and among those of its host.
struct WorkerPlace {
  int workers = 1;
  int worker = 0;  // from 0
  int workers_on_host = 1;
  int place_on_host = 0;
  size_t host_threads = 1;  // that the host's workers may use
};

/// Compute threads of each worker of a host: worker.threads, or its share of the host's.
int threadsOfWorker(const WorkerConfig& config, size_t host_threads, int workers_on_host);

/// The classes that the worker holds: all, or with head.class_parallel its share.
Share classesOfWorker(const TrainConfig& config, uint32_t classes, const WorkerPlace& place);

/// The engine of that worker, but for what only the running job knows: the exchange with other
/// workers' heads, and the convolutions' algorithms that another engine has chosen.
EngineOptions engineOfWorker(const TrainConfig& config, uint32_t classes, const WorkerPlace& place);

/// Floating-point operations of training on one image, forward and backward: 6 for each
/// multiply-add of the forward, of the network and of the classes that are trained at a time.
double flopsPerImage(const TrainConfig& config, const Network& network, uint64_t classes);

}  // namespace sphereface
