// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Aligned faces in, a packed data set (data/dataset.h) out. The same input, options and seed give
// the same bytes, also when the packing was killed in between and started again.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "data/pack_encoding.h"
#include "data/pack_selection.h"
#include "data/repeated_images.h"
#include "proto/manifest.pb.h"

namespace sphereface {

struct PackOptions {
  std::filesystem::path input;   // what openPackInput() opens
  std::filesystem::path output;  // folder to make
  uint64_t seed = 1;             // of the order, and of the images that --max-images keeps
  bool shuffle = true;
  PackEncoding encoding;
  /// That every image must have. 0: what the input says (RecordIO, LMDB: its first image's), else
  /// kAlignedHeight x kAlignedWidth.
  int height = 0;
  int width = 0;
  /// Empty: what the input says, or the landmarks.tsv beside its images when it lists all of them,
  /// else "unknown".
  std::string alignment;
  PackSelection selection;
  /// Replace an existing data set.
  bool force = false;
  size_t threads = availableThreads();
};

struct PackResult {
  DatasetManifest manifest;
  uint64_t bytes = 0;  // of data.mdb
  LeftOut left_out;
  RepeatedImages repeated;  // among the records
  uint64_t grey = 0;        // records without colour
  uint64_t turned = 0;      // images whose Exif asks for turning; records are as they are stored
  uint64_t resumed = 0;     // records that an earlier, killed packing had written
  std::vector<std::string> notes;
  PassedOver passed_over;  // the input's files that are no image
};

/// ensures: `output` holds the whole new data set, or is as it was. An old one that is to be
/// replaced goes when the new one is complete. What a killed packing leaves in OUTPUT.partial is
/// gone on with when input and options are the same, and thrown away otherwise. errors: Error
/// naming the image that can't be decoded or has another size, or the full disk; nothing is left
/// then.
PackResult packDataset(const PackOptions& options);

}  // namespace sphereface
