// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

namespace sphereface {

/// The first part of `text` that a POSIX extended regular expression describes, and after it those
/// of its groups, "" for one that has no part in it; nothing where there is none. The C library's:
/// <regex> takes the compiler five seconds in each file.
/// requires: a valid expression.
std::vector<std::string> findPattern(const std::string& pattern, const std::string& text);

}  // namespace sphereface
