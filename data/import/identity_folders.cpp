// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>

#include "base/error.h"
#include "base/image_file.h"
#include "base/sha256.h"
#include "data/import/pack_input.h"

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

std::vector<fs::path> identityFolders(const fs::path& folder) {
  std::vector<fs::path> folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with('.')) continue;
    if (entry.is_directory()) {
      folders.push_back(entry.path());
    } else if (hasImageSuffix(entry.path())) {
      throw Error(concat(entry.path().string(), " lies in no identity's folder: ", folder.string(),
                         " must hold one folder per identity"));
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace

PackInput openIdentityFolders(const fs::path& folder) {
  PackInput input;
  std::vector<std::string> names;
  Sha256 stamps;
  for (const fs::path& identity : identityFolders(folder)) {
    const std::string name = identity.filename().string();
    const std::vector<fs::path> images = imagesBelow(identity);
    if (images.empty()) {
      input.empty_identities.push_back(name);
      continue;
    }
    const auto label = static_cast<uint32_t>(input.identities.size());
    input.identities.push_back({name, static_cast<int32_t>(label)});
    for (const fs::path& image : images) {
      input.images.push_back({names.size(), label});
      names.push_back((fs::path(name) / image).string());
      stamps.update(fileStamp(identity / image));
    }
  }
  if (input.images.empty()) {
    throw Error(concat(folder.string(), ": no identity folder with an image in it"));
  }
  takeFiles(input, folder, std::move(names));
  input.aligned = readAlignedList(folder);
  input.fingerprint = stamps.hex();
  return input;
}

}  // namespace sphereface
