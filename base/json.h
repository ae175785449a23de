// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// JSON in and out. Keys keep the order they were put in, so that reports read in that order.

#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace sphereface {

using Json = nlohmann::ordered_json;

// Code that calls these alone is compiled in less time than code that calls Json's own parse,
// dump and operator<<, which are templates of some thousand lines.

/// On one line, or with so many blanks of indentation. Bytes that are not UTF-8 become U+FFFD.
std::string jsonText(const Json& value, int indent = -1);

/// errors: Json::exception with the position and what was expected there.
Json parseJson(std::string_view text);

/// Where the text is no JSON, such as a line cut off, is_discarded() is true of what it returns.
Json tryParseJson(std::string_view text);

/// Writes `value`, indented, as a whole file or not at all. Bytes that are not UTF-8 become U+FFFD.
void writeJsonFile(const std::filesystem::path& path, const Json& value);

/// errors: Error naming the file, the position and what was expected there.
Json readJsonFile(const std::filesystem::path& path);

}  // namespace sphereface
