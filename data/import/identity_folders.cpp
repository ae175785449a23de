// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/image_folder.h"
#include "base/sha256.h"
#include "data/import/pack_input.h"

namespace sphereface {

namespace fs = std::filesystem;

namespace {

/// That below `root` which holds the identities' folders, relative to it.
fs::path folderAbove(const ImageFolder& found) {
  const fs::path above = folderOfIdentities(found.images);
  // Beside a folder without an image, which is an identity's then, even a lonely one is another's.
  const bool lonely =
      std::none_of(found.folders.begin(), found.folders.end(), [&](const fs::path& folder) {
        const auto [end, other] =
            std::mismatch(folder.begin(), folder.end(), above.begin(), above.end());
        return end != folder.end() && other != above.end();
      });
  return lonely ? above : fs::path();
}

}  // namespace

fs::path folderOfIdentities(const std::vector<fs::path>& images) {
  fs::path common = images.front().parent_path();
  for (const fs::path& image : images) {
    const fs::path folder = image.parent_path();
    const auto [end, unused] =
        std::mismatch(common.begin(), common.end(), folder.begin(), folder.end());
    fs::path shared;
    for (auto part = common.begin(); part != end; ++part)
      shared /= *part;
    common = shared;
  }
  const bool one_folder = std::all_of(images.begin(), images.end(), [&](const fs::path& image) {
    return image.parent_path() == common;
  });
  return one_folder ? common.parent_path() : common;
}

void groupByFolder(PackInput& input, const std::vector<fs::path>& images,
                   const std::string& where) {
  bool all_nested = false;
  const auto end_identity = [&] {
    if (all_nested) input.nested_identities.push_back(input.identities.back().name);
  };
  for (uint64_t at = 0; at < images.size(); ++at) {
    const fs::path folder = images[at].parent_path();
    if (folder.empty()) {
      throw Error(concat(where, ": ", images[at].string(),
                         " lies in no identity's folder; there must be one folder per identity"));
    }
    const std::string identity = folder.begin()->string();
    if (input.identities.empty() || input.identities.back().name != identity) {
      end_identity();
      input.identities.push_back({identity, static_cast<int32_t>(input.identities.size())});
      all_nested = true;
    }
    all_nested = all_nested && folder != identity;
    input.images.push_back({at, static_cast<uint32_t>(input.identities.size() - 1)});
  }
  end_identity();
}

PackInput openIdentityFolders(const fs::path& folder) {
  ImageFolder found = listImages(folder);
  const fs::path above = folderAbove(found);
  PackInput input;
  std::vector<std::string> names;
  Sha256 stamps;
  for (fs::path& image : found.images) {
    stamps.update(fileStamp(folder / image));
    if (!above.empty()) image = image.lexically_relative(above);
    names.push_back(image.string());
  }
  const fs::path root = above.empty() ? folder : folder / above;
  groupByFolder(input, found.images, root.string());
  std::set<std::string> with_images;
  for (const PackIdentity& identity : input.identities)
    with_images.insert(identity.name);
  for (const fs::path& inside : found.folders) {
    const bool is_identity = inside.parent_path() == above;
    if (is_identity && !with_images.contains(inside.filename().string())) {
      input.empty_identities.push_back(inside.string());
    }
  }
  takeFiles(input, root, std::move(names));
  input.aligned = readAlignedList(root);
  input.fingerprint = stamps.hex();
  input.passed_over = std::move(found.passed_over);
  return input;
}

}  // namespace sphereface
