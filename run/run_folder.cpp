// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_folder.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
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

/// Infinite where the checkpoint has none, or is damaged.
double lossOf(const fs::path& checkpoint) {
  try {
    const CheckpointManifest manifest = readCheckpointManifest(checkpoint);
    if (manifest.has_loss()) return manifest.loss();
  } catch (const Error&) {
    // A damaged one is no reason to end a job that is in its best health.
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

Json eventLine(const std::string& kind, const std::string& text, const Json& details) {
  Json line;
  line["time"] = unixTime();
  line["event"] = kind;
  line["text"] = text;
  line.update(details);
  return line;
}

void addEvent(const RunFolder& run, const std::string& kind, const std::string& text,
              const Json& details) {
  std::ofstream(run.events(), std::ios::app)
      << jsonText(eventLine(kind, text, details)) << std::endl;
}

bool isLocked(const std::filesystem::path& run) {
  return FileLock::isHeld(RunFolder{run}.lock());
}

void rewindRunFolder(const fs::path& run, uint64_t first_step) {
  const RunFolder folder{run};
  filterLines(folder.metrics(), [&](const std::string& line) {
    const Json entry = tryParseJson(line);
    // Its step counts steps done.
    const Json* step = entry.find("step");
    return step != nullptr && step->is_number() && step->get<double>() <= double(first_step);
  });
  filterLines(folder.records(), [&](const std::string& line) {
    return std::strtoull(line.c_str(), nullptr, 10) < first_step;
  });
  filterLines(folder.events(),
              [](const std::string& line) { return !tryParseJson(line).is_discarded(); });
  removeUncommittedCheckpoints(run);
}

void removeOldCheckpoints(const fs::path& run, const CheckpointConfig& config) {
  std::vector<fs::path> all = listCheckpoints(run);
  std::erase(all, checkpointFolder(run, 0));
  if (config.keep() == 0 || all.size() <= config.keep()) return;
  const fs::path best =
      config.keep_best() ? *std::ranges::min_element(all, {}, lossOf) : fs::path();
  for (size_t i = 0; i + config.keep() < all.size(); ++i) {
    if (all[i] != best) removeCheckpoint(all[i]);
  }
}

}  // namespace sphereface
