// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/rank_error.h"

#include <regex>

namespace sphereface {

void RankErrorFinder::read(std::string_view errors) {
  static const std::regex kError(R"(sphereface-\w+: (rank \d+@\S+: )error: (.*))");
  for (const char c : errors) {
    if (found_) return;
    if (c != '\n') {
      line_ += c;
      continue;
    }
    std::smatch match;
    if (std::regex_search(line_, match, kError)) found_ = match[1].str() + match[2].str();
    line_.clear();
  }
}

}  // namespace sphereface
