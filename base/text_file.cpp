// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/text_file.h"

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface {

std::string readTextFile(const std::filesystem::path& path) {
  std::string text = readFile(path);
  // Those of UTF-32 begin or end with these, too.
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") ||
      text.starts_with(std::string("\0\0\xfe\xff", 4))) {
    throw Error(concat(path.string(), ": is UTF-16 or UTF-32 text; save it as UTF-8"));
  }
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  return text;
}

}  // namespace sphereface
