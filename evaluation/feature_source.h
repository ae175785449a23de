// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Features of the images of a list, in list order, read a few at a time: a million of them need not
// fit into memory.

#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace sphereface {

struct FeatureSource {
  std::vector<std::string> names;  // of the rows
  size_t dim = 0;
  std::string model_sha256;  // of the network that made them, or "" where the file doesn't say
  /// Copies rows first .. first + count - 1 to out[count][dim]; called from several threads.
  /// errors: Error naming the file and the record.
  std::function<void(size_t first, size_t count, float* out)> read;
};

/// The features of the images `names` from `root`: a feature file (.sff, .npy), or the folder of
/// the MegaFace kit's files (devkit_feature.h), whose names end in `ending`. An empty root: the
/// names are paths of such files. errors: Error naming the file that is damaged, or the number of
/// missing images and the first few.
FeatureSource openFeatures(const std::filesystem::path& root, const std::string& ending,
                           std::vector<std::string> names, size_t threads);

/// Those rows of `source`, in that order.
FeatureSource selectFeatures(FeatureSource source, std::vector<size_t> rows);

}  // namespace sphereface
