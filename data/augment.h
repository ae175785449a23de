// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Random variants of training faces. In order: low resolution, one similarity transform with the
// mirror image, colour gain, grey, contrast and brightness, cut-out.

#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <vector>

#include "base/random.h"
#include "data/plane_warp.h"
#include "proto/config.pb.h"

namespace sphereface {

/// 0 or false: off. Turning one on or off doesn't change what the others do to an image.
struct AugmentOptions {
  bool mirror = false;  // with probability 1/2
  // Standard deviations of a random similarity transform about the centre.
  double rotation = 0;  // degrees
  double scale = 0;     // of the logarithm
  double shift = 0;     // pixels, each axis
  // Probability of shrinking to 0.3 .. 0.8 of the size and enlarging again.
  double low_resolution = 0;
  // Probability of losing the colour (luma in all three channels).
  double grayscale = 0;
  // Standard deviations: of the logarithm of each channel's factor, of the logarithm of the factor
  // of a pixel's distance from mid-grey (127.5), and of what is added to a pixel, in grey levels.
  double color_gain = 0;
  double contrast = 0;
  double brightness = 0;
  // Probability of painting a rectangle of 0.15 .. 0.45 of height and width mid-grey.
  double cutout = 0;
};

AugmentOptions augmentOptions(const DataConfig& config);

/// Makes variants; keeps its scratch memory from one image to the next. One for each thread.
class Augmenter {
 public:
  explicit Augmenter(const AugmentOptions& options) : options_(options) {}

  /// Writes a variant of an image to `to`. Both are B, G and R planes, each size.area() bytes, and
  /// don't overlap. Pixels from outside repeat the border.
  void apply(const uint8_t* from, const cv::Size& size, Random& random, uint8_t* to);

 private:
  AugmentOptions options_;
  cv::Mat small_;
  std::vector<uint8_t> coarse_;
  PlaneWarp warp_;
};

}  // namespace sphereface
