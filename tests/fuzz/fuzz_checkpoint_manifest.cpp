// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/atomic_file.h"
#include "model/checkpoint_check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/tiny_checkpoint.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  testing::writeTinyCheckpoint(folder() / "tiny", 7);
  const std::string text = readFile(folder() / "tiny/manifest.textproto");
  // Also without its checksum, behind which nothing would come through.
  return {text, text.substr(text.find('\n') + 1)};
}

void fuzzOne(std::string_view bytes) {
  writeFileAtomically(folder() / "tiny/manifest.textproto", bytes);
  const CheckpointManifest manifest = readCheckpointManifest(folder() / "tiny");
  for (const auto content :
       {CheckpointManifest::Part::PARAMETERS, CheckpointManifest::Part::MOMENTUM})
    summarizeTensors(folder() / "tiny", manifest, content);
}

}  // namespace sphereface::fuzz
