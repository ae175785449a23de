// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/json.h"

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface {

void writeJsonFile(const std::filesystem::path& path, const Json& value) {
  // A file name need not be UTF-8; that must not cost the report of a long run.
  writeFileAtomically(path, value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json readJsonFile(const std::filesystem::path& path) {
  try {
    return Json::parse(readFile(path));
  } catch (const Json::parse_error& e) {
    throw Error(concat(path.string(), ": ", e.what()));
  }
}

}  // namespace sphereface
