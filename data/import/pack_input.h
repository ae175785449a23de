// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What is to be packed: a numbered list of labelled images, and functions to name and load one of
// them. Each kind of input (a file beside this one for each) makes such a list without reading the
// images themselves.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace sphereface {

/// An image as the input holds it.
struct StoredImage {
  std::string bytes;    // an image file; with `planes` its B, G and R planes, size.area() each
  bool planes = false;  // pixels, no file
  cv::Size size;        // of the planes
};

struct PackImage {
  uint64_t at = 0;        // its number for the input's functions
  uint32_t identity = 0;  // index in PackInput::identities
};

struct PackIdentity {
  std::string name;
  int32_t label = 0;  // as the input numbers it
};

struct PackInput {
  std::vector<PackImage> images;         // in the input's order
  std::vector<PackIdentity> identities;  // with labels rising
  /// The labels stand in the input, so that changing them has to be asked for. Otherwise they are
  /// ranks of names, which close up when identities are left out.
  bool labels_given = false;

  /// Relative to the input: what the record's key has after its number.
  std::function<std::string(uint64_t at)> name;
  /// To find it by, in messages.
  std::function<std::string(uint64_t at)> place;
  /// Thread-safe. errors: Error naming the image.
  std::function<StoredImage(uint64_t at)> load;

  /// Of every image, when the input holds aligned faces whose size is its own; else empty.
  cv::Size size;
  /// Template the faces were aligned to, when the input knows it.
  std::string alignment;
  /// Changes when the input's files change.
  std::string fingerprint;
  std::vector<std::string> empty_identities;  // folders without an image
  std::vector<std::string> notes;             // what the user should know
};

/// Opens an input by what it is: a folder with data.mdb (Caffe's LMDB), a .rec file or a folder
/// with train.rec (MXNet's RecordIO), a tar or zip archive of identity folders, a folder of
/// identity folders, or a text file of lines `path label`. `scratch` is an existing folder for
/// unnamed temporary files. errors: Error naming file and place; UsageError when there is no such
/// input.
PackInput openPackInput(const std::filesystem::path& path, const std::filesystem::path& scratch);

/// Numbers the identities 0, 1, ... in the order of the labels that `label_of` gives for the images
/// of `input` (whose names must be there), and names each after the folder of its first image if
/// that tells them apart, else "label N".
void groupByLabel(PackInput& input, const std::vector<int32_t>& label_of);

/// Size and time of last change, for fingerprints.
std::string fileStamp(const std::filesystem::path& file);

}  // namespace sphereface
