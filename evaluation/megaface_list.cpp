// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/megaface_list.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <unordered_set>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text_file.h"
#include "evaluation/pairs.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw Error(concat(path.string(), ": ", what));
}

std::vector<std::string> takeTexts(const fs::path& path, const Json& json, const char* key) {
  if (!json.is_object() || !json.contains(key) || !json.at(key).is_array()) {
    fail(path, concat("must be a JSON object with an array \"", key, "\""));
  }
  std::vector<std::string> texts;
  texts.reserve(json.at(key).size());
  for (const Json& entry : json.at(key)) {
    if (!entry.is_string() || entry.text().empty()) {
      fail(path,
           concat("entry ", texts.size(), " of \"", key, "\" is ", jsonText(entry), ", no text"));
    }
    texts.push_back(entry.get<std::string>());
  }
  return texts;
}

/// What two spellings of an image have in common.
std::string noiseKey(const std::string& image, NoiseNames names) {
  fs::path path(image);
  if (names == NoiseNames::kBaseName) path = path.filename();
  std::string key = withoutImageSuffix(path.string());
  std::replace(key.begin(), key.end(), ' ', '_');
  return key;
}

std::unordered_set<std::string> readNoise(const fs::path& path, NoiseNames names) {
  std::istringstream in(readListFile(path));
  std::unordered_set<std::string> keys;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' '))
      line.pop_back();
    if (const size_t tab = line.find('\t'); tab != std::string::npos) {
      line = line.substr(tab + 1, line.find('\t', tab + 1) - tab - 1);
    }
    if (!line.empty()) keys.insert(noiseKey(line, names));
  }
  if (keys.empty()) fail(path, "names no image");
  return keys;
}

}  // namespace

MegafaceList readMegafaceList(const fs::path& path, bool with_ids) {
  MegafaceList list;
  list.file = path.filename().string();
  list.sha256 = sha256File(path);
  const Json json = readJsonFile(path);
  list.paths = takeTexts(path, json, "path");
  if (list.paths.empty()) fail(path, "lists no image");
  if (with_ids) {
    list.ids = takeTexts(path, json, "id");
    if (list.ids.size() != list.paths.size()) {
      fail(path,
           concat(list.paths.size(), " entries of \"path\", but ", list.ids.size(), " of \"id\""));
    }
  }
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; i < list.paths.size(); ++i) {
    if (!seen.insert(list.paths[i]).second) {
      fail(path, concat("entry ", i, " of \"path\", ", list.paths[i], ", is there before"));
    }
  }
  return list;
}

CleanedList removeNoise(const MegafaceList& list, const fs::path& noise, NoiseNames names) {
  const std::unordered_set<std::string> keys = readNoise(noise, names);
  CleanedList cleaned;
  cleaned.named = keys.size();
  cleaned.list.file = list.file;
  cleaned.list.sha256 = list.sha256;
  for (size_t i = 0; i < list.paths.size(); ++i) {
    if (keys.contains(noiseKey(list.paths[i], names))) {
      ++cleaned.removed;
      continue;
    }
    cleaned.kept.push_back(i);
    cleaned.list.paths.push_back(list.paths[i]);
    if (!list.ids.empty()) cleaned.list.ids.push_back(list.ids[i]);
  }
  if (cleaned.list.paths.empty()) fail(noise, concat("leaves nothing of ", list.file));
  return cleaned;
}

}  // namespace sphereface
