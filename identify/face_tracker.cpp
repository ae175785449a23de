// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/face_tracker.h"

#include <algorithm>
#include <cmath>

#include "base/image_file.h"
#include "evaluation/face_gallery.h"

namespace sphereface {
namespace {

constexpr int kPortraitQuality = 92;
constexpr size_t kNone = static_cast<size_t>(-1);

cv::Rect2d boxOf(const Face& face) {
  return {face.x1, face.y1, face.x2 - face.x1 + 1, face.y2 - face.y1 + 1};
}

double overlap(const cv::Rect2d& a, const cv::Rect2d& b) {
  const double both = (a & b).area();
  return both / (a.area() + b.area() - both);
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0;
  double a_squares = 0;
  double b_squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += static_cast<double>(a[i]) * b[i];
    a_squares += static_cast<double>(a[i]) * a[i];
    b_squares += static_cast<double>(b[i]) * b[i];
  }
  return product / std::sqrt(a_squares * b_squares);
}

struct Candidate {
  double overlap = 0;
  size_t track = 0;
  size_t face = 0;
};

void extend(FaceTrack& track, const FoundFace& found, std::span<const float> feature,
            size_t frame) {
  track.last_frame = frame;
  ++track.faces;
  addUnit(feature, "face", track.feature);
  track.last_box = boxOf(found.face);
  if (track.last_box.area() > track.largest_area) {
    track.largest_area = track.last_box.area();
    track.portrait = encodeJpeg(found.aligned, kPortraitQuality);
  }
}

}  // namespace

std::vector<size_t> FaceTracker::add(std::span<const FoundFace> faces,
                                     std::span<const float> features) {
  const size_t frame = frame_++;
  const auto feature_of = [&](size_t face) {
    const size_t dim = features.size() / faces.size();
    return features.subspan(face * dim, dim);
  };
  std::erase_if(open_, [&](size_t t) { return frame - tracks_[t].last_frame > max_gap_; });
  std::vector<Candidate> candidates;
  for (const size_t t : open_) {
    for (size_t face = 0; face < faces.size(); ++face) {
      const double common = overlap(tracks_[t].last_box, boxOf(faces[face].face));
      if (common >= kLeastOverlap && cosine(tracks_[t].feature, feature_of(face)) >= least_cosine_)
        candidates.push_back({common, t, face});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.overlap > b.overlap; });
  std::vector<size_t> track_of(faces.size(), kNone);
  for (const Candidate& candidate : candidates) {
    FaceTrack& track = tracks_[candidate.track];
    if (track_of[candidate.face] != kNone || track.last_frame == frame) continue;
    track_of[candidate.face] = candidate.track;
    extend(track, faces[candidate.face], feature_of(candidate.face), frame);
  }
  for (size_t face = 0; face < faces.size(); ++face) {
    if (track_of[face] != kNone) continue;
    track_of[face] = tracks_.size();
    open_.push_back(tracks_.size());
    FaceTrack& track = tracks_.emplace_back();
    track.first_frame = frame;
    track.feature.resize(feature_of(face).size());
    extend(track, faces[face], feature_of(face), frame);
  }
  return track_of;
}

}  // namespace sphereface
