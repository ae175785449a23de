// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <charconv>
#include <sstream>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text_file.h"
#include "data/import/pack_input.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Line {
  std::string path;
  int32_t label = 0;
};

Line parseLine(std::string_view line, const std::string& place) {
  const size_t space = line.find_last_of(" \t");
  Line parsed;
  if (space == line.npos || space == 0) throw Error(concat(place, ": expected `path label`"));
  const std::string_view number = line.substr(space + 1);
  const auto [end, status] =
      std::from_chars(number.data(), number.data() + number.size(), parsed.label);
  if (status != std::errc() || end != number.data() + number.size() || parsed.label < 0) {
    throw Error(concat(place, ": \"", number, "\" is no label (0, 1, 2, ...)"));
  }
  parsed.path = line.substr(0, space);
  return parsed;
}

}  // namespace

PackInput openImageList(const fs::path& list) {
  PackInput input;
  input.labels_given = true;
  std::vector<std::string> names;
  std::vector<int32_t> labels;
  const fs::path folder = list.parent_path();
  Sha256 stamps;
  std::istringstream text(readListFile(list));
  std::string line;
  for (size_t number = 1; std::getline(text, line); ++number) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
      line.pop_back();
    }
    if (line.empty()) continue;
    Line parsed = parseLine(line, concat(list.string(), ":", number));
    input.images.push_back({names.size(), 0});
    stamps.update(fileStamp(folder / parsed.path));
    names.push_back(std::move(parsed.path));
    labels.push_back(parsed.label);
  }
  if (input.images.empty()) throw Error(concat(list.string(), ": the list is empty"));
  takeFiles(input, folder, std::move(names));
  input.fingerprint = stamps.hex();
  groupByLabel(input, labels);
  return input;
}

}  // namespace sphereface
