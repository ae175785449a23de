// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <opencv2/core.hpp>

#include "base/random.h"

namespace sphereface {

struct AugmentOptions {
  bool mirror = false;  // with probability 1/2
  // Standard deviations of a random similarity transform about the centre; 0: none.
  double rotation = 0;  // degrees
  double scale = 0;     // relative
  double shift = 0;     // pixels, each axis
};

/// A random variant of an 8-bit BGR face, of the same size. Pixels from outside repeat the border.
cv::Mat augment(const cv::Mat& image, const AugmentOptions& options, Random& random);

}  // namespace sphereface
