// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Who is in photographs or in a video. Both are gone through twice: once to find out who is there,
// once to draw it (identify/annotate.h), as a face has its name from its whole track.

#pragma once

#include <cstddef>
#include <filesystem>

#include "data/align/mtcnn_networks.h"
#include "evaluation/embedder.h"
#include "evaluation/image_source.h"
#include "identify/face_log.h"
#include "identify/gallery.h"

namespace sphereface {

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
