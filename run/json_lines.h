// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace sphereface {

/// A file of JSON objects, one a line, that somebody may be appending to.
class JsonLines {
 public:
  explicit JsonLines(std::filesystem::path file) : file_(std::move(file)) {}

  struct News {
    bool again = false;  // the file is another one, or was cut: these are all of its lines
    std::vector<Json> lines;
  };
  /// Lines that have come since the last call; a look at the file's size when none has. What is no
  /// JSON object is passed over, as is a line of more than 4 MiB; a last line without its end waits
  /// for it. No file: no lines.
  News read();

 private:
  std::filesystem::path file_;
  uint64_t inode_ = 0;
  uint64_t offset_ = 0;  // how far it has been read
  std::string line_;     // what there is of the one at hand, unless it is too long
  bool too_long_ = false;
};

}  // namespace sphereface
