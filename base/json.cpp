// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/json.h"

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface {

std::string jsonText(const Json& value, int indent) {
  // A file name need not be UTF-8; that must not cost the report of a long run.
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json parseJson(std::string_view text) {
  return Json::parse(text);
}

Json tryParseJson(std::string_view text) {
  return Json::parse(text, nullptr, false);
}

void writeJsonFile(const std::filesystem::path& path, const Json& value) {
  writeFileAtomically(path, jsonText(value, 2) + "\n");
}

Json readJsonFile(const std::filesystem::path& path) {
  try {
    return parseJson(readFile(path));
  } catch (const Json::exception& e) {  // numbers beyond a double are no parse_error
    throw Error(concat(path.string(), ": ", e.what()));
  }
}

}  // namespace sphereface
