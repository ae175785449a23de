// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Who is in photographs or in a video: where the faces are, and who they are by the gallery. Both
// are gone through twice: once to find out who is there, once to draw it (identify/annotate.h), as
// a face has its name from its whole track.

#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "data/align/mtcnn_networks.h"
#include "evaluation/embedder.h"
#include "evaluation/face_gallery.h"
#include "evaluation/image_source.h"
#include "identify/face_tracker.h"
#include "identify/gallery.h"

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

/// Of photographs, or of the frames of a video.
struct IdentifiedFaces {
  std::vector<std::vector<TrackedFace>> images;  // in their order, the faces of each
  std::vector<NamedTrack> tracks;
};

struct Identifier {
  const MtcnnNetworks& networks;
  Embedder& embedder;
  const Gallery& gallery;
  NamingRule rule;
  int min_face = 0;  // pixels
  size_t threads = 1;
};

/// Every face is a track of its own. Shows progress. errors: Error naming the photograph that can't
/// be read.
IdentifiedFaces identifyPhotographs(const Identifier& identifier, const ImageSource& photographs);

/// Faces are followed over gaps of up to half a second. Shows progress.
/// errors: as VideoReader.
IdentifiedFaces identifyVideo(const Identifier& identifier, const std::filesystem::path& video);

}  // namespace sphereface
