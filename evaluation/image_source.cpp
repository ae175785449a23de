// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/image_source.h"

#include <fstream>
#include <memory>

#include "base/error.h"
#include "base/image_file.h"
#include "data/dataset.h"
#include "evaluation/pairs.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

ImageSource listedImages(const fs::path& list) {
  std::ifstream file(list);
  if (!file) throw Error(concat("cannot open ", list.string()));
  ImageSource source;
  std::string line;
  while (std::getline(file, line)) {
    if (!line.empty()) source.names.push_back(line);
  }
  if (source.names.empty()) throw Error(concat(list.string(), ": no image listed"));
  source.load = [folder = list.parent_path(), names = source.names](size_t i) {
    return readImage(folder / names[i]);
  };
  return source;
}

ImageSource packedImages(const fs::path& folder) {
  const auto dataset = std::make_shared<Dataset>(folder);
  ImageSource source;
  for (uint64_t i = 0; i < dataset->size(); ++i) {
    const std::string key = dataset->key(i);
    source.names.push_back(key.substr(key.find('_') + 1));
  }
  source.alignment_template = dataset->manifest().alignment_template();
  source.load = [dataset](size_t i) { return dataset->read(i).image; };
  return source;
}

ImageSource folderImages(const fs::path& folder, std::vector<std::string> names) {
  ImageSource source;
  source.load = [folder, names](size_t i) { return readImage(folder / names[i]); };
  source.names = std::move(names);
  return source;
}

std::vector<std::string> imagesBelow(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::path& path : listImages(folder))
    names.push_back(path.string());
  return names;
}

}  // namespace

ImageSource openImageSource(const fs::path& input) {
  if (fs::is_regular_file(input)) return listedImages(input);
  if (fs::exists(input / "data.mdb")) return packedImages(input);
  return folderImages(input, imagesBelow(input));
}

ImageSource namedImages(const fs::path& directory, std::span<const std::string> stems) {
  return folderImages(directory, findImageFiles(directory, stems));
}

}  // namespace sphereface
