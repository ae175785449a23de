// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/image_source.h"

#include <memory>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/text_file.h"
#include "data/align/alignment_template.h"
#include "data/dataset.h"
#include "evaluation/pairs.h"
#include "evaluation/verification_set.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

ImageSource listedImages(const fs::path& list) {
  std::istringstream file(readListFile(list));
  ImageSource source;
  std::string line;
  while (std::getline(file, line)) {
    if (line.ends_with('\r')) line.pop_back();
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

ImageSource folderImages(const fs::path& folder, std::vector<std::string> names,
                         const PassedOver& passed_over) {
  ImageSource source;
  source.load = [folder, names](size_t i) { return readImage(folder / names[i]); };
  source.names = std::move(names);
  source.passed_over = passed_over;
  return source;
}

std::vector<std::string> namesOf(const ImageFolder& listed) {
  std::vector<std::string> names;
  names.reserve(listed.images.size());
  for (const fs::path& path : listed.images)
    names.push_back(path.string());
  return names;
}

/// From insightface's template to SphereFace's.
cv::Mat cutFace(const cv::Mat& face) {
  constexpr int kLeft = 9;
  constexpr int kUp = 1;
  cv::Mat cut(kAlignedHeight, kAlignedWidth, face.type());
  const cv::Rect kept(kLeft, kUp, kAlignedWidth, kAlignedHeight - kUp);
  face(kept).copyTo(cut.rowRange(0, kept.height));
  cut.row(kept.height - 1).copyTo(cut.row(kept.height));
  return cut;
}

}  // namespace

ImageSource alignedTo(const std::string& alignment_template, ImageSource source) {
  if (source.alignment_template != kInsightfaceTemplate ||
      alignment_template != kAlignmentTemplate) {
    return source;
  }
  ImageSource cut;
  cut.names = source.names;
  cut.passed_over = source.passed_over;
  cut.alignment_template = kAlignmentTemplate;
  cut.load = [source = std::move(source)](size_t i) { return cutFace(source.load(i)); };
  return cut;
}

ImageSource openImageSource(const fs::path& input) {
  if (isVerificationSet(input)) return readVerificationSet(input).images;
  if (fs::is_regular_file(input)) return listedImages(input);
  if (fs::exists(input / "data.mdb")) return packedImages(input);
  const ImageFolder listed = listImages(input);
  return folderImages(input, namesOf(listed), listed.passed_over);
}

ImageSource openPhotographs(const fs::path& folder) {
  const ImageFolder listed = listImages(folder);
  ImageSource source;
  source.names = namesOf(listed);
  source.passed_over = listed.passed_over;
  source.load = [folder, names = source.names](size_t i) {
    return readPhotograph(folder / names[i]);
  };
  return source;
}

ImageSource namedImages(const fs::path& directory, std::span<const std::string> stems) {
  const ImageFolder listed = listImages(directory);
  const std::vector<std::string> files = namesOf(listed);
  std::vector<std::string> named;
  try {
    for (const size_t i : locateImages(stems, files, directory.string()))
      named.push_back(files[i]);
  } catch (const Error& e) {
    if (listed.passed_over.empty()) throw;
    throw Error(concat(e.what(), "; passed over, as no images: ", listed.passed_over.text()));
  }
  return folderImages(directory, std::move(named), listed.passed_over);
}

}  // namespace sphereface
