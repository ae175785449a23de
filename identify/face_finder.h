// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "data/align/mtcnn.h"

namespace sphereface {

struct FoundFace {
  Face face;
  cv::Mat aligned;  // kAlignedHeight x kAlignedWidth, 8-bit BGR
};

/// All faces of an 8-bit BGR image of at least `min_face` pixels, aligned; best detection first. A
/// face whose five points determine no transform is left out. An image smaller than a face has
/// none. Thread-safe; runs on the calling thread alone.
std::vector<FoundFace> findFaces(const MtcnnNetworks& networks, const cv::Mat& bgr, int min_face);

}  // namespace sphereface
