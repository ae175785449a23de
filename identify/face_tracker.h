// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Follows faces through the frames of a video. A face belongs to a track when
//
//   - the track was last seen at most max_gap frames before,
//   - their boxes overlap: intersection / union >= kLeastOverlap, and
//   - it looks like the same person: cosine(feature, mean of the track's unit features) >=
//     least_cosine, so that a cut to another person at the same place begins a new track.
//
// Of the pairs of a track and a face that fit, the one that overlaps most is joined first; a track
// takes one face of a frame. With max_gap 0, as for photographs, each face is a track of its own.

#pragma once

#include <cstddef>
#include <opencv2/core.hpp>
#include <span>
#include <string>
#include <vector>

#include "identify/face_finder.h"

namespace sphereface {

struct FaceTrack {
  size_t first_frame = 0;
  size_t last_frame = 0;
  size_t faces = 0;
  std::vector<float> feature;  // sum of the faces' unit features
  cv::Rect2d last_box;
  double largest_area = 0;  // of a box, pixels
  std::string portrait;     // its largest face, aligned, as JPEG
};

class FaceTracker {
 public:
  static constexpr double kLeastOverlap = 0.3;

  FaceTracker(double least_cosine, size_t max_gap)
      : least_cosine_(least_cosine), max_gap_(max_gap) {}

  /// The track of each face of the next frame. `features` are the faces', [faces, dim].
  std::vector<size_t> add(std::span<const FoundFace> faces, std::span<const float> features);

  /// In the order in which they began.
  const std::vector<FaceTrack>& tracks() const { return tracks_; }

 private:
  double least_cosine_;
  size_t max_gap_;
  size_t frame_ = 0;
  std::vector<FaceTrack> tracks_;
  std::vector<size_t> open_;  // those that may go on
};

}  // namespace sphereface
