// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/checkpoint.h"
#include "model/checkpoint_check.h"
#include "proto/text_format.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  CheckpointManifest manifest;
  manifest.set_format_version(2);
  std::vector<std::string> all = {printText(manifest)};
  for (int i = 0; i < 2; ++i) {
    CheckpointManifest::Part* part = manifest.add_part();
    part->set_content(i == 0 ? CheckpointManifest::Part::PARAMETERS
                             : CheckpointManifest::Part::MOMENTUM);
  }
  all.push_back(printText(manifest));
  return all;
}

void fuzzOne(std::string_view bytes) {
  fileOf(bytes, "manifest.textproto");
  readCheckpointManifest(folder());
}

}  // namespace sphereface::fuzz
