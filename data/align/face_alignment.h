// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <opencv2/core.hpp>
#include <vector>

#include "data/align/alignment_template.h"
#include "data/align/mtcnn.h"

namespace sphereface {

/// Which of several faces in a photograph is its subject.
enum class FaceChoice {
  kCentral,  // box centre nearest to the image's centre: SphereFace's published rule
  kLargest,  // greatest box area
};

/// Index of the chosen face; the first of equals. requires: faces is not empty.
size_t chooseFace(const std::vector<Face>& faces, const cv::Size& image, FaceChoice choice);

/// Warps an 8-bit BGR image by the similarity transform that takes `points` to alignmentTemplate().
/// Returns kAlignedHeight x kAlignedWidth pixels, each a bilinear sample of the source with pixels
/// outside it taken as 0 (Matlab's imtransform; cv::warpAffine rounds its weights to 5 bits).
/// errors: Error when the points do not determine a transform that can be used.
cv::Mat alignFace(const cv::Mat& bgr, const FivePoints& points);

/// `height` x `width` bilinear samples: output pixel (x, y) is taken at to_source * (x, y, 1).
cv::Mat warpBilinear(const cv::Mat& bgr, const cv::Matx23d& to_source, int height, int width);

}  // namespace sphereface
