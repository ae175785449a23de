// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/gallery.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/exif_orientation.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "data/align/face_alignment.h"
#include "identify/face_finder.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Photograph {
  fs::path path;  // below the gallery
  cv::Mat face;   // aligned; empty: none was found
  bool was_aligned = false;
  size_t faces = 1;
};

void findSubject(const fs::path& folder, const MtcnnNetworks& networks, int min_face,
                 Photograph& photograph) {
  const fs::path file = folder / photograph.path;
  const std::string bytes = readImageBytes(file);
  const cv::Mat stored = decodeImage(bytes, file.string());
  photograph.was_aligned = stored.rows == kAlignedHeight && stored.cols == kAlignedWidth;
  if (photograph.was_aligned) {
    photograph.face = stored;
    return;
  }
  const cv::Mat image = turnedUpright(stored, exifOrientation(bytes));
  const std::vector<FoundFace> found = findFaces(networks, image, min_face);
  photograph.faces = found.size();
  if (found.empty()) return;
  std::vector<Face> faces;
  faces.reserve(found.size());
  for (const FoundFace& one : found)
    faces.push_back(one.face);
  photograph.face = found[chooseFace(faces, image.size(), FaceChoice::kCentral)].aligned;
}

void needFaces(const fs::path& folder, const std::vector<Photograph>& photographs) {
  const auto is_without = [](const Photograph& photograph) { return photograph.face.empty(); };
  const auto first = std::find_if(photographs.begin(), photographs.end(), is_without);
  if (first == photographs.end()) return;
  const auto count = std::count_if(first, photographs.end(), is_without);
  throw Error(concat("no face found in ", (folder / first->path).string(),
                     count > 1 ? concat(" and ", count - 1, " more photographs") : "",
                     " of the gallery; take another photograph, or a face aligned to ",
                     kAlignedHeight, "x", kAlignedWidth, " pixels"));
}

}  // namespace

Gallery enrol(const fs::path& folder, const MtcnnNetworks& networks, Embedder& embedder,
              int min_face, size_t threads) {
  ImageFolder listed = listImages(folder);
  std::vector<Photograph> photographs;
  for (const fs::path& path : listed.images)
    photographs.push_back({.path = path, .face = {}});
  Progress progress("gallery", photographs.size(), "photographs");
  parallelFor(photographs.size(), threads, [&](size_t i) {
    findSubject(folder, networks, min_face, photographs[i]);
    progress.add();
  });
  progress.finish();
  needFaces(folder, photographs);

  std::map<std::string, std::vector<size_t>> people;  // their photographs
  std::vector<cv::Mat> faces;
  for (size_t i = 0; i < photographs.size(); ++i) {
    const fs::path& path = photographs[i].path;
    const bool is_in_folder = path.has_parent_path();
    people[is_in_folder ? path.begin()->string() : path.stem().string()].push_back(i);
    faces.push_back(photographs[i].face);
  }
  if (people.contains(kUnknown)) {
    throw Error(concat(folder.string(), ": nobody in a gallery can be called \"", kUnknown, "\""));
  }
  const std::vector<float> features = embedder.embed(faces);
  Gallery gallery{{}, FaceGallery(embedder.dim()), std::move(listed.passed_over)};
  for (const auto& [name, images] : people) {
    GalleryPerson person;
    person.name = name;
    person.photographs = images.size();
    person.portrait = faces[images.front()];
    std::vector<float> own;
    for (const size_t i : images) {
      const auto feature = features.begin() + static_cast<ptrdiff_t>(i * embedder.dim());
      own.insert(own.end(), feature, feature + static_cast<ptrdiff_t>(embedder.dim()));
      if (photographs[i].was_aligned) ++person.aligned_photographs;
      if (photographs[i].faces > 1) person.several_faces.push_back(photographs[i].path.string());
    }
    gallery.faces.add(name, own);
    gallery.people.push_back(std::move(person));
  }
  return gallery;
}

}  // namespace sphereface
