// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/mpi_session.h"
#include "kernels/engine.h"
#include "proto/config.pb.h"
#include "proto/control.pb.h"
#include "proto/manifest.pb.h"
#include "run/share.h"
#include "worker/mpi_head_exchange.h"

namespace sphereface {

/// A worker's engine with the weights that the run begins with, its own or a checkpoint's.
struct WorkerModel {
  Network network;
  Share classes;  // those held here: all, or with head.class_parallel this worker's share
  std::unique_ptr<MpiHeadExchange> exchange;  // where the classes are spread
  std::unique_ptr<Engine> engine;
  uint64_t forward_passes = 0;       // done before
  std::optional<double> guard_loss;  // what the guard against divergence ended with
  std::vector<std::string> notes;    // what the user should know
};

/// How this worker waits for the others: not for longer than worker.collective_timeout; then it
/// ends the job. `last`: is told of what is waited for; may be null.
WaitOptions waitOptions(const MpiSession& session, const WorkerConfig& config,
                        LastCollective* last);

/// Made by all workers together. `last`: is told of the exchange's operations; may be null.
/// errors: Error when the checkpoint to begin with doesn't fit; those of makeEngine.
WorkerModel makeWorkerModel(const MpiSession& session, const RunPlan& plan,
                            const TrainConfig& config, const DatasetManifest& data,
                            LastCollective* last);

}  // namespace sphereface
