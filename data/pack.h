// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Aligned images into an LMDB of Caffe Datums with a manifest: see data/dataset.h for the result.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/alignment_template.h"
#include "proto/manifest.pb.h"

namespace sphereface {

/// Images with labels 0 .. identities.size()-1.
struct PackList {
  struct Item {
    std::filesystem::path file;
    std::string name;  // goes into the key
    int label = 0;
  };
  std::vector<Item> items;
  std::vector<std::string> identities;  // by label
};

/// One folder an identity, labelled in sorted order of the folders' names.
/// errors: Error when there is no image at all, or a folder of an identity without one.
PackList listIdentityFolders(const std::filesystem::path& folder);

/// Lines "path label"; the last space separates; paths relative to the list's folder.
/// errors: Error naming the line that is none, or the label that no line has.
PackList readPackList(const std::filesystem::path& list);

struct PackOptions {
  std::filesystem::path input;  // folder or list
  std::filesystem::path output;
  bool shuffle = true;
  uint64_t seed = 1;
  bool force = false;     // replace an existing output
  bool skip_bad = false;  // leave unusable images out (and count them) instead of failing
  int height = kAlignedHeight;
  int width = kAlignedWidth;
  std::string alignment = kAlignmentTemplate;
  size_t threads = 1;
};

struct PackResult {
  DatasetManifest manifest;
  std::vector<std::string> skipped;  // "file: reason"
  uint64_t bytes = 0;                // of the images
  double seconds = 0;
};

/// JPEG and PNG files are packed as they are, after checking that they decode and have the right
/// size. The output folder is complete or absent; the same input and seed make the same bytes.
/// errors: Error naming the image or what else is wrong.
PackResult pack(const PackOptions& options);

}  // namespace sphereface
