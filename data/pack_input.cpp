// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/pack_input.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <unordered_set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// Images below `folder`, relative to it, sorted; none is no error.
std::vector<fs::path> imagesBelow(const fs::path& folder) {
  std::vector<fs::path> images;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink)) {
    if (entry.is_regular_file() && hasImageSuffix(entry.path())) {
      images.push_back(entry.path().lexically_relative(folder));
    }
  }
  std::sort(images.begin(), images.end());
  return images;
}

LabelledFile parseLine(std::string_view line, const fs::path& folder, const std::string& place) {
  const size_t space = line.find_last_of(" \t");
  int label = 0;
  if (space == line.npos || space == 0) throw Error(concat(place, ": expected `path label`"));
  const std::string_view number = line.substr(space + 1);
  const auto [end, status] = std::from_chars(number.data(), number.data() + number.size(), label);
  if (status != std::errc() || end != number.data() + number.size() || label < 0) {
    throw Error(concat(place, ": \"", number, "\" is no label (0, 1, 2, ...)"));
  }
  const fs::path path(line.substr(0, space));
  return {folder / path, path.string(), label};
}

/// Every label in 0 .. C-1 must occur: a class without an image can't be trained.
std::vector<const LabelledFile*> firstOfEachLabel(const std::vector<LabelledFile>& files,
                                                  const std::string& list) {
  const auto highest = std::max_element(
      files.begin(), files.end(), [](const auto& a, const auto& b) { return a.label < b.label; });
  // Against a stray label of 2 billion: more classes than images can't be without a gap.
  const auto classes = std::min(static_cast<size_t>(highest->label), files.size()) + size_t{1};
  std::vector<const LabelledFile*> first(classes, nullptr);
  for (const LabelledFile& file : files) {
    const auto label = static_cast<size_t>(file.label);
    if (label < classes && first[label] == nullptr) first[label] = &file;
  }
  for (size_t label = 0; label < classes; ++label) {
    if (first[label] != nullptr) continue;
    throw Error(concat(list, ": no image has label ", label, ", but ", highest->name, " has label ",
                       highest->label, ": labels must be 0 .. C-1 without a gap"));
  }
  return first;
}

}  // namespace

PackInput scanIdentityFolders(const fs::path& folder, bool drop_empty,
                              std::vector<std::string>& dropped) {
  if (!fs::is_directory(folder)) throw Error(concat("no such folder: ", folder.string()));
  std::vector<fs::path> folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) continue;
    if (entry.is_directory()) {
      folders.push_back(entry.path());
    } else if (hasImageSuffix(entry.path())) {
      throw Error(concat(entry.path().string(), " lies in no identity's folder: ", folder.string(),
                         " must hold one folder per identity"));
    }
  }
  std::sort(folders.begin(), folders.end());
  PackInput input;
  for (const fs::path& identity : folders) {
    const std::string name = identity.filename().string();
    const std::vector<fs::path> images = imagesBelow(identity);
    if (images.empty()) {
      if (!drop_empty) {
        throw Error(concat("identity folder ", identity.string(),
                           " holds no image; remove it, or leave such out with --skip-bad"));
      }
      dropped.push_back(name);
      continue;
    }
    const int label = static_cast<int>(input.identities.size());
    input.identities.push_back(name);
    for (const fs::path& image : images) {
      input.files.push_back({identity / image, (fs::path(name) / image).string(), label});
    }
  }
  if (input.files.empty()) {
    throw Error(concat(folder.string(), ": no identity folder with an image in it"));
  }
  return input;
}

PackInput readImageList(const fs::path& list) {
  PackInput input;
  input.from_list = true;
  std::istringstream text(readFile(list));
  std::string line;
  for (size_t number = 1; std::getline(text, line); ++number) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
      line.pop_back();
    }
    if (line.empty()) continue;
    input.files.push_back(parseLine(line, list.parent_path(), concat(list.string(), ":", number)));
  }
  if (input.files.empty()) throw Error(concat(list.string(), ": the list is empty"));

  std::unordered_set<std::string> names;
  for (const LabelledFile* file : firstOfEachLabel(input.files, list.string())) {
    input.identities.push_back(fs::path(file->name).parent_path().filename().string());
    names.insert(input.identities.back());
  }
  if (names.size() != input.identities.size() || names.contains("")) {
    for (size_t label = 0; label < input.identities.size(); ++label) {
      input.identities[label] = concat("label ", label);
    }
  }
  return input;
}

}  // namespace sphereface
