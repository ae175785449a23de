// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/json_lines.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

namespace sphereface {

JsonLines::News JsonLines::read() {
  News news;
  struct stat now {};
  if (::stat(file_.c_str(), &now) != 0) return news;
  const auto size = static_cast<uint64_t>(now.st_size);
  if (now.st_ino != inode_ || size < offset_) {
    news.again = inode_ != 0;
    inode_ = now.st_ino;
    offset_ = 0;
  }
  if (size == offset_) return news;
  std::ifstream in(file_);
  in.seekg(static_cast<std::streamoff>(offset_));
  for (std::string text; std::getline(in, text) && !in.eof(); offset_ += text.size() + 1) {
    Json line = tryParseJson(text);
    if (line.is_object()) news.lines.push_back(std::move(line));
  }
  return news;
}

}  // namespace sphereface
