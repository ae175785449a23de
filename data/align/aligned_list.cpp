// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/aligned_list.h"

#include <sstream>

#include "base/atomic_file.h"
#include "data/align/alignment_template.h"

namespace sphereface {

AlignedList readAlignedList(const std::filesystem::path& folder) {
  AlignedList list;
  if (!std::filesystem::is_regular_file(folder / kLandmarksFile)) return list;
  std::istringstream lines(readFile(folder / kLandmarksFile));
  std::string line;
  std::getline(lines, line);
  std::istringstream settings(line);
  std::string mark;
  std::string alignment;
  settings >> mark >> alignment;
  if (mark != "#" || alignment != kAlignmentTemplate) return list;
  list.alignment = alignment;
  while (std::getline(lines, line)) {
    const std::filesystem::path image = line.substr(0, line.find('\t'));
    list.stems.insert(std::filesystem::path(image).replace_extension().generic_string());
  }
  return list;
}

}  // namespace sphereface
