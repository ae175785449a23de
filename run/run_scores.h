// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a run's checkpoints scored: RUN/evaluations.jsonl, a line a result:
//
//   {"time": Unix time, "step": of the checkpoint, "checkpoint": its folder's name,
//    "benchmark": "lfw" or "megaface", "protocol": ..., the scores as fractions,
//    "roc": [[FAR, TAR], ...]}
//
// The coordinator's metrics and the dashboard show it.

#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"

namespace sphereface {

/// errors: Error when the run has no committed checkpoint.
std::filesystem::path newestCheckpoint(const std::filesystem::path& run);

/// The run's checkpoint that holds this model. errors: Error when none does.
std::filesystem::path checkpointOfModel(const std::filesystem::path& run,
                                        const std::string& model_sha256);

/// Adds a line, whole or not at all: `scores` is what lfwScores() or megafaceScores() made.
/// errors: Error naming the file and the system's reason.
void appendScores(const std::filesystem::path& run, const std::filesystem::path& checkpoint,
                  const Json& scores);

}  // namespace sphereface
