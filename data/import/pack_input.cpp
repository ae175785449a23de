// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/import/pack_input.h"

#include <algorithm>
#include <memory>
#include <unordered_set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"

namespace sphereface {

namespace fs = std::filesystem;

PackInput openPackInput(const fs::path& path, const fs::path& scratch) {
  if (fs::is_directory(path)) {
    if (fs::exists(path / "data.mdb")) return openCaffeLmdb(path);
    if (fs::exists(path / "train.rec")) return openMxnetRecords(path / "train.rec");
    return openIdentityFolders(path);
  }
  if (!fs::exists(path)) throw Error(concat("no such file or folder: ", path.string()));
  if (lowerCaseSuffix(path) == ".rec") return openMxnetRecords(path);
  if (isArchive(path)) return openArchive(path, scratch);
  return openImageList(path);
}

void takeFiles(PackInput& input, const fs::path& folder, std::vector<std::string> paths) {
  const auto names = std::make_shared<const std::vector<std::string>>(std::move(paths));
  input.name = [names](uint64_t at) { return (*names)[at]; };
  input.place = [names, folder](uint64_t at) { return (folder / (*names)[at]).string(); };
  input.load = [names, folder](uint64_t at) {
    return StoredImage{readImageBytes(folder / (*names)[at]), false, {}};
  };
}

void groupByLabel(PackInput& input, const std::vector<int32_t>& label_of) {
  std::vector<int32_t> labels = label_of;
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  input.identities.resize(labels.size());
  for (size_t k = 0; k < labels.size(); ++k)
    input.identities[k].label = labels[k];
  std::vector<uint8_t> named(labels.size(), 0);
  std::unordered_set<std::string> names;
  for (size_t i = 0; i < input.images.size(); ++i) {
    const auto k = static_cast<size_t>(std::lower_bound(labels.begin(), labels.end(), label_of[i]) -
                                       labels.begin());
    input.images[i].identity = static_cast<uint32_t>(k);
    if (named[k] != 0) continue;
    named[k] = 1;
    std::string& name = input.identities[k].name;
    name = fs::path(input.name(input.images[i].at)).parent_path().filename().string();
    names.insert(name);
  }
  if (names.size() == input.identities.size() && !names.contains("")) return;
  for (PackIdentity& identity : input.identities)
    identity.name = concat("label ", identity.label);
}

std::string fileStamp(const fs::path& file) {
  std::error_code failed;
  const uintmax_t size = fs::file_size(file, failed);
  const auto time = fs::last_write_time(file, failed);
  if (failed) return "absent";
  return concat(size, "@", time.time_since_epoch().count());
}

}  // namespace sphereface
