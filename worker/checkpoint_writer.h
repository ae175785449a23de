// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Writes a worker's parts of a checkpoint while training goes on.

#pragma once

#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <vector>

#include "base/aligned_buffer.h"
#include "model/checkpoint.h"
#include "proto/control.pb.h"

namespace sphereface {

/// One checkpoint at a time.
class CheckpointWriter {
 public:
  /// Copies the numbers, parts of the engine's arenas, and begins to write them. `message` is
  /// completed with the parts.
  /// requires: the one before was taken by finished() or finish().
  void begin(const Engine& engine, const std::vector<CheckpointSlice>& slices,
             CheckpointPart message);

  /// The message of the one begun, once its parts are written and synced; at most once.
  /// errors: Error of the writing.
  std::optional<CheckpointPart> finished();
  /// Waits so long at most; true when nothing is being written any more.
  bool idleWithin(std::chrono::milliseconds patience) const;
  /// Waits for it. Nothing when none was begun.
  std::optional<CheckpointPart> finish();

 private:
  AlignedBuffer<float> copy_;
  std::future<CheckpointPart> writing_;
};

}  // namespace sphereface
