// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Feature files of the MegaFace development kit: one image's feature a file, named
// FOLDER/PATH ENDING, PATH being the image's in the kit's lists with its own suffix
// ("115/11538314@N00/5026823_0.jpg" + "_sphereface.bin"). An OpenCV matrix, little-endian:
//
//   offset  bytes   what
//   0       4       D, rows
//   4       4       1, columns
//   8       4       4, bytes from row to row
//   12      4       type; its low 12 bits are 5: 32-bit floats of one channel
//   16      4 D     D IEEE 754 floats

#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "evaluation/feature_file.h"

namespace sphereface {

std::string devkitFeatureBytes(std::span<const float> feature);

/// errors: Error naming the file when it can't be read, is of another shape or type, is longer or
/// shorter than its header says, or holds a number that isn't finite.
std::vector<float> readDevkitFeature(const std::filesystem::path& path);

/// A new folder of such files, one for each feature; it appears whole or not at all.
class DevkitFolder {
 public:
  DevkitFolder(std::filesystem::path folder, std::string ending);
  DevkitFolder(const DevkitFolder&) = delete;
  DevkitFolder& operator=(const DevkitFolder&) = delete;
  ~DevkitFolder();

  /// errors: Error for a name that leads out of the folder, or when a file can't be written.
  void add(const FeatureSet& features);
  /// errors: Error when the folder exists and isn't empty.
  void commit();

 private:
  std::filesystem::path folder_;
  std::string ending_;
  std::filesystem::path temporary_;
};

}  // namespace sphereface
