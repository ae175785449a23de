// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The faces of a series of images (photographs, or the frames of a video): where they are, and who
// they are by the gallery.

#pragma once

#include <cstddef>
#include <opencv2/core.hpp>
#include <span>
#include <vector>

#include "data/align/mtcnn.h"
#include "evaluation/embedder.h"
#include "evaluation/face_gallery.h"
#include "identify/face_tracker.h"

namespace sphereface {

/// A track has its best match's name when
/// score >= threshold and score - runner_up_score >= margin; else it is unknown.
struct NamingRule {
  double threshold = 0;  // cosine
  double margin = 0;
};

bool isKnown(const NamingRule& rule, const Match& match);

struct TrackedFace {
  Face face;
  size_t track = 0;
};

struct NamedTrack {
  FaceTrack track;
  Match match;  // of the mean of its faces' unit features
  bool known = false;
};

struct IdentifiedFaces {
  std::vector<std::vector<TrackedFace>> images;  // in their order, the faces of each
  std::vector<NamedTrack> tracks;
};

/// Finds, embeds and follows the faces of images that are given in their order.
class FaceLog {
 public:
  FaceLog(const MtcnnNetworks& networks, Embedder& embedder, const FaceTracker& tracker,
          int min_face, size_t threads)
      : networks_(networks),
        embedder_(embedder),
        tracker_(tracker),
        min_face_(min_face),
        threads_(threads) {}

  /// The next images, 8-bit BGR; several at a time, so that the threads have work.
  void add(std::span<const cv::Mat> images);

  /// Who they are.
  IdentifiedFaces name(const FaceGallery& gallery, const NamingRule& rule) const;

 private:
  const MtcnnNetworks& networks_;
  Embedder& embedder_;
  FaceTracker tracker_;
  int min_face_;
  size_t threads_;
  std::vector<std::vector<TrackedFace>> images_;
};

}  // namespace sphereface
