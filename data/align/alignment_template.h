// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <opencv2/core.hpp>

namespace sphereface {

/// Eyes, nose, mouth corners: left eye, right eye, nose, left mouth, right mouth; "left" is left in
/// the image. Pixels; the centre of the top left pixel is (0, 0).
using FivePoints = std::array<cv::Point2d, 5>;

inline constexpr int kAlignedHeight = 112;
inline constexpr int kAlignedWidth = 96;

/// Name of the template in manifests: a model is only used on faces aligned alike.
inline constexpr const char* kAlignmentTemplate = "sphereface-112x96";

/// Where the published preprocessing puts the five points in a 112x96 face. The original numbers
/// are Matlab's, counted from 1; these are counted from 0.
inline FivePoints alignmentTemplate() {
  return {cv::Point2d{29.2946, 50.6963}, cv::Point2d{64.5318, 50.5014},
          cv::Point2d{47.0252, 70.7366}, cv::Point2d{32.5493, 91.3655},
          cv::Point2d{61.7299, 91.2041}};
}

/// insightface's 112x112 template: SphereFace's, eight columns wider on both sides, and its numbers
/// taken as counted from 0 where SphereFace's Matlab counts from 1.
inline constexpr const char* kInsightfaceTemplate = "insightface-112x112";
inline constexpr int kInsightfaceSize = 112;

}  // namespace sphereface
