// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A checkpoint is a folder:
//   parameters.bin      the network's arena, then the head [classes, embedding]; little-endian fp32
//   momentum.bin        the optimiser's state, laid out alike
//   manifest.textproto  CheckpointManifest: layout, schedule position, configuration, checksums
//
// Workers that each have a range of the classes each write a run of those numbers, into files of
// their own (parameters-OFFSET.bin); any number of workers reads what it needs of them.
//
// It is committed in two phases: the workers write and fsync the parts in a folder with a temporary
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
#include "model/checkpoint_manifest.h"
#include "proto/checkpoint.pb.h"
#include "proto/manifest.pb.h"

namespace sphereface {

constexpr const char* kParametersFile = "parameters.bin";
constexpr const char* kMomentumFile = "momentum.bin";
constexpr uint32_t kCheckpointFormat = 2;

/// A run of the numbers of a checkpoint, in one or several pieces. Those of checkpointSlices are
/// parts of the engine's arenas, and are written from a copy.
struct CheckpointSlice {
  CheckpointManifest::Part::Content content = CheckpointManifest::Part::PARAMETERS;
  uint64_t offset = 0;
  std::vector<std::span<const float>> pieces;
};

/// Parameters and momenta that `engine` holds: of the network, if `with_trunk`, and of its classes,
/// the first of which is class `first_class`.
/// requires: with_trunk only where first_class is 0.
std::vector<CheckpointSlice> checkpointSlices(Engine& engine, const Network& network,
                                              uint64_t first_class, bool with_trunk);

/// Fills in the layout. requires: manifest.classes.
void describeTensors(const Network& network, CheckpointManifest& manifest);

/// First phase. Writes a slice into `folder`, made if need be.
CheckpointManifest::Part writeCheckpointSlice(const std::filesystem::path& folder,
                                              const CheckpointSlice& slice);

/// Second phase: manifest in, folder renamed to `final_folder`.
void commitCheckpoint(const std::filesystem::path& folder, const CheckpointManifest& manifest,
                      const std::filesystem::path& final_folder);

/// checkpoints/step-00001000
std::filesystem::path checkpointFolder(const std::filesystem::path& run, uint64_t step);
/// Where step `step`'s parts are written before the commit.
std::filesystem::path checkpointWorkFolder(const std::filesystem::path& run, uint64_t step);

/// Removes a committed checkpoint; it is never seen half removed.
void removeCheckpoint(const std::filesystem::path& folder);
/// A second folder of the same files (hard links; copies where the file system has none), for a
/// reader that mustn't lose them to removeCheckpoint. Removed by the caller. ensures: `held` is
/// whole, or isn't there and the answer is false: the checkpoint has gone.
bool holdCheckpoint(const std::filesystem::path& checkpoint, const std::filesystem::path& held);
/// Removes what jobs left that died before a commit, or while they removed a checkpoint.
void removeUncommittedCheckpoints(const std::filesystem::path& run);

/// Committed checkpoints of a run folder, by their steps. Folders of other names than the programs
/// give ("step-00000002-good") aren't among them.
std::vector<std::filesystem::path> listCheckpoints(const std::filesystem::path& run);

/// The checkpoint that a user means by a path: the one there, or of a run folder the newest.
/// errors: Error saying what else is there.
std::filesystem::path findCheckpoint(const std::filesystem::path& named);

/// Reads the parameters, and the momentum when `engine` has any, after comparing checksums and
/// shapes. Of the head it reads what the engine has of it, from class `first_class` on.
/// errors: Error naming the file and what disagrees.
void loadCheckpoint(const std::filesystem::path& folder, const CheckpointManifest& manifest,
                    const Network& network, Engine& engine, uint64_t first_class = 0);

/// All numbers of one content, the network's and the head's, in the host's memory.
/// errors: as loadCheckpoint.
std::vector<float> readCheckpointNumbers(const std::filesystem::path& folder,
                                         const CheckpointManifest& manifest, const Network& network,
                                         CheckpointManifest::Part::Content content);

/// Initial weights of `engine` for a new run on `data`: the network's parameters, and the head's
/// from class `first_class` on if it was trained on the same data set. Answers in words what was
/// taken, and why no more.
/// errors: Error as loadCheckpoint, or when the checkpoint expects another kind of image.
std::string initializeFromCheckpoint(const std::filesystem::path& folder,
                                     const DatasetManifest& data, const Network& network,
                                     Engine& engine, uint64_t first_class = 0);

/// SHA-256 of the part with the network's parameters: the model's identity in results.
std::string modelChecksum(const CheckpointManifest& manifest);

}  // namespace sphereface
