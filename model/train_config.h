// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kernels/engine.h"
#include "proto/config.pb.h"
#include "proto/manifest.pb.h"

namespace sphereface {

/// Reads a configuration and applies overrides "solver.base_learning_rate=0.05" (a repeated field
/// takes a list, "solver.step_value=[100,200]"), then checks every value: numbers by what
/// proto/config.proto allows, and the rules between fields.
/// errors: UsageError naming the file and line, or the override, the field and its value.
TrainConfig loadTrainConfig(const std::filesystem::path& file,
                            const std::vector<std::string>& overrides);

/// Virtual shards that each worker computes, a pass each: 1, unless solver.reproducible_shards is
/// set. What checkWorkers refuses has some answer, too.
uint32_t shardsOfWorker(const SolverConfig& solver, int workers);

/// errors: UsageError when the network of `config` can't be trained on `data`.
void checkDataset(const DatasetManifest& data, const TrainConfig& config);
/// errors: UsageError when so many workers can't share a batch.
void checkWorkers(const TrainConfig& config, int workers);
/// errors: UsageError when so many workers shall share too few classes.
void checkClasses(const TrainConfig& config, int workers, uint64_t classes);

/// Head, precision and device as the engine wants them.
HeadOptions headOptions(const HeadConfig& config);
/// head.margin, or what its type has when it isn't set. 1 for types without a margin.
double headMargin(const HeadConfig& config);
/// The smallest that its type can have, with which it is as if it had none: where a rising margin
/// begins.
double leastMargin(const HeadConfig& config);
Precision precisionOf(const WorkerConfig& config);
Convolution convolutionOf(const WorkerConfig& config);
Device deviceOf(const WorkerConfig& config);

}  // namespace sphereface
