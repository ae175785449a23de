// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A checkpoint is a folder:
//   parameters.bin      the trunk's arena, then the head [classes, embedding]; little-endian fp32
//   momentum.bin        the optimiser's state, laid out alike
//   manifest.textproto  CheckpointManifest: layout, schedule position, configuration, checksums
//
// It is committed in two phases: a worker writes and fsyncs the parts in a folder with a temporary
// name, then the coordinator adds the manifest and renames the folder. A reader sees a whole
// checkpoint or none.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/engine.h"
#include "proto/checkpoint.pb.h"
#include "proto/manifest.pb.h"

namespace sphereface {

constexpr const char* kParametersFile = "parameters.bin";
constexpr const char* kMomentumFile = "momentum.bin";

/// First phase. Writes the parts of `engine` into `folder` (made; emptied if it was there) and
/// returns `manifest` with tensors and parts filled in.
CheckpointManifest writeCheckpointParts(const std::filesystem::path& folder, Engine& engine,
                                        const Network& network, CheckpointManifest manifest);

/// Second phase: manifest in, folder renamed to `final_folder`.
void commitCheckpoint(const std::filesystem::path& folder, const CheckpointManifest& manifest,
                      const std::filesystem::path& final_folder);

/// checkpoints/step-00001000
std::filesystem::path checkpointFolder(const std::filesystem::path& run, uint64_t step);
/// Where step `step`'s parts are written before the commit.
std::filesystem::path checkpointWorkFolder(const std::filesystem::path& run, uint64_t step);

/// Removes what was written by jobs that died before the commit.
void removeUncommittedCheckpoints(const std::filesystem::path& run);

/// Committed checkpoints of a run folder, oldest first.
std::vector<std::filesystem::path> listCheckpoints(const std::filesystem::path& run);

/// errors: Error when the folder is no checkpoint, of another format version, or a part is missing
/// or of the wrong size.
CheckpointManifest readCheckpointManifest(const std::filesystem::path& folder);

/// Reads the parameters, and the momentum when `engine` has any, after comparing checksums and
/// shapes. The head is read only by an engine that has one.
/// errors: Error naming the file and what disagrees.
void loadCheckpoint(const std::filesystem::path& folder, const CheckpointManifest& manifest,
                    const Network& network, Engine& engine);

/// Initial weights for a new run on `data`: the network's parameters, and the head's if it was
/// trained on the same data set (then the answer is true).
/// errors: Error as loadCheckpoint, or when the checkpoint expects another kind of image.
bool initializeFromCheckpoint(const std::filesystem::path& folder, const DatasetManifest& data,
                              const Network& network, std::span<float> trunk,
                              std::span<float> head);

/// SHA-256 of parameters.bin: the model's identity in results.
std::string modelChecksum(const CheckpointManifest& manifest);

}  // namespace sphereface
