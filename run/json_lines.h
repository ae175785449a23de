// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace sphereface {

/// What a line has by that name; NaN where it has no number.
double numberOf(const Json& line, std::string_view name);

/// A file of JSON objects, one a line, that somebody may be appending to.
class JsonLines {
 public:
  explicit JsonLines(std::filesystem::path file) : file_(std::move(file)) {}

  /// Hands over, one by one, the lines that have come since the last call; `again` is called before
  /// when the file is another one or was cut, and these are all of its lines. No more than a look
  /// at the file's size when none has come. What is no JSON object is passed over, as is a line of
  /// more than 4 MiB; a last line without its end waits for it. No file: no lines.
  void read(const std::function<void(Json)>& take, const std::function<void()>& again = {});

 private:
  std::filesystem::path file_;
  uint64_t inode_ = 0;
  uint64_t offset_ = 0;  // how far it has been read
  std::string line_;     // what there is of the one at hand, unless it is too long
  bool too_long_ = false;
};

}  // namespace sphereface
