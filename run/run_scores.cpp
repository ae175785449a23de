// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_scores.h"

#include <vector>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/checkpoint.h"
#include "run/run_folder.h"

namespace sphereface {

namespace fs = std::filesystem;

fs::path newestCheckpoint(const fs::path& run) {
  const std::vector<fs::path> checkpoints = listCheckpoints(run);
  if (checkpoints.empty()) throw Error(concat(run.string(), " has no committed checkpoint"));
  return checkpoints.back();
}

fs::path checkpointOfModel(const fs::path& run, const std::string& model_sha256) {
  for (const fs::path& checkpoint : listCheckpoints(run)) {
    try {
      if (modelChecksum(readCheckpointManifest(checkpoint)) == model_sha256) return checkpoint;
    } catch (const Error&) {
      // A damaged one is none that features were made with.
    }
  }
  throw Error(concat("the features are of model ", model_sha256, ", which is none of ",
                     run.string(), "'s checkpoints"));
}

void appendScores(const fs::path& run, const fs::path& checkpoint, const Json& scores) {
  Json line = {{"time", unixTime()},
               {"step", readCheckpointManifest(checkpoint).step()},
               {"checkpoint", checkpoint.filename().string()}};
  line.update(scores);
  appendLine(RunFolder{run}.evaluations(), jsonText(line));
}

}  // namespace sphereface
