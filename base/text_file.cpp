// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/text_file.h"

#include <fstream>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface {

namespace {

std::string withoutMark(std::string text, const std::filesystem::path& path) {
  // Those of UTF-32 begin or end with these, too.
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") ||
      text.starts_with(std::string("\0\0\xfe\xff", 4))) {
    throw Error(concat(path.string(), ": is UTF-16 or UTF-32 text; save it as UTF-8"));
  }
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  return text;
}

}  // namespace

std::string readTextFile(const std::filesystem::path& path) {
  return withoutMark(readFile(path), path);
}

std::string readListFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) readFile(path);  // which says why not
  std::string text;
  std::string piece(kLongestLine, '\0');
  size_t number = 1;
  size_t line_begin = 0;
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0) {
    text.append(piece, 0, static_cast<size_t>(in.gcount()));
    for (size_t end = 0; (end = text.find('\n', line_begin)) != std::string::npos;) {
      if (end - line_begin > kLongestLine) break;
      line_begin = end + 1;
      ++number;
    }
    if (text.size() - line_begin > kLongestLine &&
        text.find('\n', line_begin) - line_begin > kLongestLine) {
      throw Error(concat(path.string(), ":", number, ": a line of more than ", kLongestLine,
                         " bytes is no part of a list"));
    }
  }
  if (in.bad() || std::filesystem::is_directory(path)) return readFile(path);
  return withoutMark(std::move(text), path);
}

}  // namespace sphereface
