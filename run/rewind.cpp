// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/rewind.h"

#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>

#include "base/atomic_file.h"
#include "base/json.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// Keeps the whole lines that `keep` keeps.
void filterLines(const fs::path& path, const std::function<bool(const std::string&)>& keep) {
  if (!fs::exists(path)) return;
  std::ifstream file(path);
  std::string kept;
  for (std::string line; std::getline(file, line);) {
    const bool whole = !file.eof();  // it ended in a newline
    if (whole && keep(line)) kept += line + '\n';
  }
  writeFileAtomically(path, kept);
}

}  // namespace

void rewindRunFolder(const fs::path& run, uint64_t first_step) {
  filterLines(run / "metrics.jsonl", [&](const std::string& line) {
    const Json entry = tryParseJson(line);
    // Its step counts steps done.
    return !entry.is_discarded() && entry.value("step", uint64_t{0}) <= first_step;
  });
  filterLines(run / "records.tsv", [&](const std::string& line) {
    return std::strtoull(line.c_str(), nullptr, 10) < first_step;
  });
  filterLines(run / "events.jsonl",
              [](const std::string& line) { return !tryParseJson(line).is_discarded(); });
  removeUncommittedCheckpoints(run);
}

}  // namespace sphereface
