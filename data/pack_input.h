// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What is to be packed: labelled image files, from a folder of identities or a list.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sphereface {

struct LabelledFile {
  std::filesystem::path path;  // to open it
  std::string name;            // in the record's key: relative to the input, as in the list
  int label = 0;
};

struct PackInput {
  std::vector<LabelledFile> files;
  std::vector<std::string> identities;  // name of each label, 0 .. C-1
  /// From a list: its labels are the user's and may not be renumbered.
  bool from_list = false;
};

/// One folder per identity, its images anywhere below it; label = rank of the folder among the
/// sorted ones. Names beginning with a dot are left out. Files are in lexicographic order.
/// errors: Error for a missing or empty folder, an image outside an identity's folder, and an
/// identity without an image unless `drop_empty`, which leaves it out and names it in `dropped`.
PackInput scanIdentityFolders(const std::filesystem::path& folder, bool drop_empty,
                              std::vector<std::string>& dropped);

/// Lines `path label`; the last space separates, a relative path starts at the list's folder. An
/// identity is named after the folder of its first image if that tells them apart.
/// errors: Error naming file and line; also when the labels are not 0 .. C-1 without a gap.
PackInput readImageList(const std::filesystem::path& list);

}  // namespace sphereface
