// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>

#include "doctor/finding.h"
#include "proto/checkpoint.pb.h"
#include "proto/config.pb.h"
#include "proto/manifest.pb.h"

namespace sphereface::doctor {

/// Reads the parts: are they what the manifest says, and finite?
Finding checkpointFinding(const std::filesystem::path& folder, const CheckpointManifest& manifest);

/// What a checkpoint is for.
enum class Purpose {
  kAny,    // a run might be resumed from it
  kStart,  // network.init_from: other data are as good
};

/// Whether the checkpoint's model fits the data set: size, colour order, template, normalisation;
/// and whether it was trained on these data.
Finding checkpointDataFinding(const CheckpointManifest& checkpoint, const DatasetManifest& data,
                              Purpose purpose);

/// Whether a run of `config` could go on from the checkpoint: the same network.
Finding checkpointNetworkFinding(const CheckpointManifest& checkpoint, const NetworkConfig& config);

}  // namespace sphereface::doctor
