// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Extraction to a file, shared among ranks, that goes on where it was cut off. The images are cut
// into parts of some 1,000, the same whatever the number of ranks; a rank takes every so many-th of
// those that aren't there yet and writes each as a feature file of its own, OUTPUT.parts/N.sff.
// When all are there, rank 0 joins them to OUTPUT and removes them.

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "evaluation/extract.h"
#include "evaluation/rank_group.h"

namespace sphereface {

struct PartsOptions {
  ExtractOptions extract;
  std::filesystem::path output;  // .sff or .npy, or the new folder of a kit's files
  std::string file_ending;       // of the kit's files; empty: a feature file
  bool skip_bad_images = false;
};

struct PartsResult {
  size_t features = 0;
  FeatureSet description;  // of the network's features; without rows
  size_t parts = 0;
  size_t found_parts = 0;     // left by an extraction that was cut off
  std::vector<BadImage> bad;  // left out
};

/// Shows progress. The result is rank 0's, others get none. A part left by another network, or of
/// images of other names, is made anew.
/// errors: as Extractor; Error naming the images that can't be used unless they are skipped (the
/// parts that have none stay), or when none can.
PartsResult extractInParts(const PartsOptions& options, const ImageSource& input, RankGroup& ranks);

}  // namespace sphereface
