// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/json_lines.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string_view>

namespace sphereface {
namespace {

// A worker's part in an event is some hundred bytes, and there may be thousands.
constexpr size_t kLongest = size_t{4} << 20;

}  // namespace

double numberOf(const Json& line, std::string_view name) {
  const Json* found = line.find(name);
  return found != nullptr && found->is_number() ? found->get<double>()
                                                : std::numeric_limits<double>::quiet_NaN();
}

void JsonLines::read(const std::function<void(Json)>& take, const std::function<void()>& again) {
  struct stat now {};
  if (::stat(file_.c_str(), &now) != 0) return;
  const auto size = static_cast<uint64_t>(now.st_size);
  if (now.st_ino != inode_ || size < offset_) {
    if (inode_ != 0 && again) again();
    inode_ = now.st_ino;
    offset_ = 0;
    line_.clear();
    too_long_ = false;
  }
  if (size == offset_) return;
  std::ifstream in(file_, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset_));
  std::string piece(std::min(size - offset_, kLongest), '\0');
  // What is added meanwhile comes at the next call.
  while (offset_ < size &&
         in.read(piece.data(), static_cast<std::streamsize>(std::min(size - offset_, kLongest)))) {
    std::string_view rest(piece.data(), static_cast<size_t>(in.gcount()));
    offset_ += rest.size();
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      const std::string_view part = rest.substr(0, end);
      too_long_ = too_long_ || line_.size() + part.size() > kLongest;
      if (too_long_) {
        line_.clear();
      } else {
        line_ += part;
      }
      if (end == std::string_view::npos) break;
      Json line = tryParseJson(line_);
      if (line.is_object()) take(std::move(line));
      line_.clear();
      too_long_ = false;
      rest.remove_prefix(end + 1);
    }
  }
}

}  // namespace sphereface
