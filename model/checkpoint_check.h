// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a checkpoint's files hold, read without a model.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "proto/checkpoint.pb.h"

namespace sphereface {

/// One tensor of a part. Norm and largest are those of its finite values.
struct TensorSummary {
  std::string name;
  std::vector<uint64_t> dim;
  double norm = 0;          // 2-norm
  double largest = 0;       // magnitude
  uint64_t not_finite = 0;  // NaN and infinite values
};

/// The tensors' parameters or momenta, in the manifest's order; read in pieces, so that a large
/// head needs no memory. errors: Error when a part can't be read or the parts don't hold all of the
/// manifest's tensors.
std::vector<TensorSummary> summarizeTensors(const std::filesystem::path& folder,
                                            const CheckpointManifest& manifest,
                                            CheckpointManifest::Part::Content content);

/// Reads every part and compares its checksum with the manifest's.
/// errors: Error naming the part that is damaged.
void verifyCheckpoint(const std::filesystem::path& folder, const CheckpointManifest& manifest);

}  // namespace sphereface
