// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Text that people wrote, in whatever editor: lists, configurations, Caffe's files.

#pragma once

#include <filesystem>
#include <string>

namespace sphereface {

/// The whole file, without the byte order mark that some editors put in front of UTF-8.
/// errors: Error naming the file, when it can't be read or is UTF-16 or UTF-32.
std::string readTextFile(const std::filesystem::path& path);

}  // namespace sphereface
