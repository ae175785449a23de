// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "evaluation/megaface_report.h"

namespace sphereface {

/// Where the images of the lists are, or empty paths.
struct MegafaceImages {
  std::filesystem::path probes;
  std::filesystem::path distractors;
};

/// The result as one HTML page: figures, the table of the runs, CMC and ROC of all of them, scores
/// and the hardest pairs of the main run, with pictures of those whose folder is given.
/// errors: Error naming an image that can't be read.
std::string megafacePage(const std::vector<MegafaceRun>& runs, const MegafaceSetting& setting,
                         const MegafaceImages& images);

}  // namespace sphereface
