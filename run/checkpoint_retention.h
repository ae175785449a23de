// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>

#include "proto/config.pb.h"

namespace sphereface {

/// Removes from a run folder the checkpoints that checkpoint.keep and keep_best don't keep.
void removeOldCheckpoints(const std::filesystem::path& run, const CheckpointConfig& config);

}  // namespace sphereface
