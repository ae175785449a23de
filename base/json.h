// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// JSON in and out. Keys keep the order they were put in, so that reports read in that order.

#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace sphereface {

using Json = nlohmann::ordered_json;

/// Writes `value`, indented, as a whole file or not at all. Bytes that are not UTF-8 become U+FFFD.
void writeJsonFile(const std::filesystem::path& path, const Json& value);

/// errors: Error naming the file, the position and what was expected there.
Json readJsonFile(const std::filesystem::path& path);

}  // namespace sphereface
