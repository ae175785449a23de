// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/face_log.h"

#include "base/parallel.h"
#include "identify/face_finder.h"

namespace sphereface {

bool isKnown(const NamingRule& rule, const Match& match) {
  if (match.score < rule.threshold) return false;
  return !match.runner_up || match.score - match.runner_up_score >= rule.margin;
}

void FaceLog::add(std::span<const cv::Mat> images) {
  std::vector<std::vector<FoundFace>> found(images.size());
  parallelFor(images.size(), threads_,
              [&](size_t i) { found[i] = findFaces(networks_, images[i], min_face_); });
  std::vector<cv::Mat> aligned;
  for (const std::vector<FoundFace>& faces : found) {
    for (const FoundFace& face : faces)
      aligned.push_back(face.aligned);
  }
  const std::vector<float> features = embedder_.embed(aligned);
  size_t begin = 0;
  for (const std::vector<FoundFace>& faces : found) {
    const size_t numbers = faces.size() * embedder_.dim();
    const std::vector<size_t> tracks =
        tracker_.add(faces, std::span(features).subspan(begin, numbers));
    begin += numbers;
    std::vector<TrackedFace>& image = images_.emplace_back();
    for (size_t i = 0; i < faces.size(); ++i)
      image.push_back({faces[i].face, tracks[i]});
  }
}

IdentifiedFaces FaceLog::name(const FaceGallery& gallery, const NamingRule& rule) const {
  IdentifiedFaces identified{images_, {}};
  for (const FaceTrack& track : tracker_.tracks()) {
    const Match match = gallery.match(track.feature);
    identified.tracks.push_back({track, match, isKnown(rule, match)});
  }
  return identified;
}

}  // namespace sphereface
