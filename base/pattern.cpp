// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/pattern.h"

#include <regex.h>

#include <cstddef>
#include <stdexcept>

namespace sphereface {

std::vector<std::string> findPattern(const std::string& pattern, const std::string& text) {
  regex_t expression;
  if (::regcomp(&expression, pattern.c_str(), REG_EXTENDED) != 0) {
    throw std::invalid_argument("not a regular expression: " + pattern);
  }
  std::vector<regmatch_t> places(expression.re_nsub + 1);
  std::vector<std::string> parts;
  if (::regexec(&expression, text.c_str(), places.size(), places.data(), 0) == 0) {
    for (const regmatch_t& place : places) {
      const auto begin = static_cast<size_t>(place.rm_so);
      const auto end = static_cast<size_t>(place.rm_eo);
      parts.push_back(place.rm_so < 0 ? "" : text.substr(begin, end - begin));
    }
  }
  ::regfree(&expression);
  return parts;
}

}  // namespace sphereface
