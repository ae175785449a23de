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

/// Whether features that are about to be used are checked first.
enum class Check {
  kAll,     // reads a feature file once and compares its checksum; kit's files must all be there
  kHeader,  // where another process checks them: damage shows when the feature is read, or not
};

/// The features of the images `names` from `root`: a feature file (.sff, .npy), or the folder of
/// the MegaFace kit's files (devkit_feature.h), whose names end in `ending`. An empty root: the
/// names are whole paths of such files, endings included. errors: Error naming the file that is
/// damaged, or the number of missing images and the first few.
FeatureSource openFeatures(const std::filesystem::path& root, const std::string& ending,
                           std::vector<std::string> names, size_t threads,
                           Check check = Check::kAll);

/// Those rows of `source`, in that order.
FeatureSource selectFeatures(FeatureSource source, std::vector<size_t> rows);

/// Rows begin .. end - 1 of `source`. requires: end <= number of rows.
FeatureSource featureRange(const FeatureSource& source, size_t begin, size_t end);

}  // namespace sphereface
