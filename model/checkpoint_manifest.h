// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// manifest.textproto of a checkpoint: its first line has the SHA-256 of the others, so that a file
// that was cut off or changed isn't taken for another run's state. Whoever changes it by hand
// removes that line.

#pragma once

#include <cstdint>
#include <filesystem>

#include "proto/checkpoint.pb.h"

namespace sphereface {

void writeCheckpointManifest(const std::filesystem::path& folder,
                             const CheckpointManifest& manifest);

/// ensures: the manifest has its step and network; the tensors lie one after the other and have
/// less than 2^60 numbers; of both contents the parts hold each number once, in files of their own
/// in the folder that have the stated sizes. Their bytes aren't read (verifyCheckpoint). errors:
/// Error naming the file and what is wrong.
CheckpointManifest readCheckpointManifest(const std::filesystem::path& folder);

/// How many a tensor has. requires: of a manifest that was read or made here.
uint64_t numbersOf(const CheckpointManifest::Tensor& tensor);

}  // namespace sphereface
