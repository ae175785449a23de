// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Random variants of training faces. In order: low resolution, one similarity transform with the
// mirror image, colour gain, grey, contrast and brightness, cut-out.

#pragma once

#include <opencv2/core.hpp>

#include "base/random.h"
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

  /// Writes a variant of an 8-bit BGR image, of the same size, as its B, G and R planes to `planes`
  /// (room for 3 * image.total() bytes). Pixels from outside repeat the border.
  void apply(const cv::Mat& image, Random& random, uint8_t* planes);

 private:
  AugmentOptions options_;
  cv::Mat small_;
  cv::Mat coarse_;
  cv::Mat moved_;
};

}  // namespace sphereface
