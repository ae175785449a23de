// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What landmarks.tsv says of the folder that it lies in: the first line "# TEMPLATE ..." names the
// template that the faces were aligned to, each line's first column a face of it. `align` and
// `synth` write it, `pack` believes it.

#pragma once

#include <filesystem>
#include <string>
#include <unordered_set>

namespace sphereface {

inline constexpr const char* kLandmarksFile = "landmarks.tsv";

struct AlignedList {
  std::string alignment;                  // empty: nothing is known
  std::unordered_set<std::string> stems;  // paths below the folder, without suffix

  bool has(const std::filesystem::path& image) const {
    return stems.contains(std::filesystem::path(image).replace_extension().generic_string());
  }
};

/// Of a folder without the file, or with one of another form: nothing. errors: Error when it can't
/// be read.
AlignedList readAlignedList(const std::filesystem::path& folder);

}  // namespace sphereface
