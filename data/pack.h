// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Aligned faces in, a packed data set (data/dataset.h) out. The same input, options and seed give
// the same bytes.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "data/align/alignment_template.h"
#include "proto/manifest.pb.h"

namespace sphereface {

struct PackOptions {
  std::filesystem::path input;   // folder of identity folders, or list file
  std::filesystem::path output;  // folder to make
  uint64_t seed = 1;
  bool shuffle = true;
  /// JPEG quality to encode all images anew with; 0 keeps the files' bytes (of JPEG and PNG; other
  /// formats become PNG).
  int reencode = 0;
  int height = kAlignedHeight;
  int width = kAlignedWidth;
  std::string alignment = kAlignmentTemplate;
  /// Leave out images that can't be used, and identities left without one, instead of failing.
  bool skip_bad = false;
  /// Replace an existing data set.
  bool force = false;
  size_t threads = availableThreads();
};

struct PackResult {
  DatasetManifest manifest;
  uint64_t bytes = 0;                         // of data.mdb
  std::vector<std::string> skipped;           // images left out: the reason, which names the file
  std::vector<std::string> empty_identities;  // left out
};

/// ensures: `output` holds the whole new data set, or is as it was. An old one that is to be
/// replaced goes when the new one is complete. errors: Error naming the file that can't be decoded
/// or has another size, or the full disk.
PackResult packDataset(const PackOptions& options);

}  // namespace sphereface
