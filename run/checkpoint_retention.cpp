// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/checkpoint_retention.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/error.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// Infinite where the checkpoint has none, or is damaged.
double lossOf(const fs::path& checkpoint) {
  try {
    const CheckpointManifest manifest = readCheckpointManifest(checkpoint);
    if (manifest.has_loss()) return manifest.loss();
  } catch (const Error&) {
    // A damaged one is no reason to end a job that is in its best health.
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

void removeOldCheckpoints(const fs::path& run, const CheckpointConfig& config) {
  std::vector<fs::path> all = listCheckpoints(run);
  std::erase(all, checkpointFolder(run, 0));
  if (config.keep() == 0 || all.size() <= config.keep()) return;
  const fs::path best =
      config.keep_best() ? *std::ranges::min_element(all, {}, lossOf) : fs::path();
  for (size_t i = 0; i + config.keep() < all.size(); ++i) {
    if (all[i] != best) removeCheckpoint(all[i]);
  }
}

}  // namespace sphereface
