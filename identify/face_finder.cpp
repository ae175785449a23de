// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/face_finder.h"

#include <algorithm>

#include "base/error.h"
#include "data/align/face_alignment.h"

namespace sphereface {

std::vector<FoundFace> findFaces(const MtcnnNetworks& networks, const cv::Mat& bgr, int min_face) {
  std::vector<FoundFace> found;
  if (std::min(bgr.rows, bgr.cols) < min_face) return found;
  for (const Face& face : detectFaces(networks, bgr, {.min_face = min_face})) {
    try {
      found.push_back({face, alignFace(bgr, face.points)});
    } catch (const Error&) {
      continue;
    }
  }
  return found;
}

}  // namespace sphereface
