// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "model/checkpoint.h"

namespace sphereface::testing {

/// Writes and commits all of the engine's state as one worker does. Returns the manifest as
/// committed.
inline CheckpointManifest writeCheckpoint(Engine& engine, const Network& network,
                                          CheckpointManifest manifest,
                                          const std::filesystem::path& folder) {
  const std::filesystem::path work = folder.string() + ".work";
  describeTensors(network, manifest);
  for (const CheckpointSlice& slice : checkpointSlices(engine, network, 0, true))
    *manifest.add_part() = writeCheckpointSlice(work, slice);
  commitCheckpoint(work, manifest, folder);
  return manifest;
}

}  // namespace sphereface::testing
