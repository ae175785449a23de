// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/augment.h"

#include <cmath>
#include <opencv2/imgproc.hpp>

namespace sphereface {

cv::Mat augment(const cv::Mat& image, const AugmentOptions& options, Random& random) {
  const bool mirror = options.mirror && random.chance(0.5);
  if (options.rotation <= 0 && options.scale <= 0 && options.shift <= 0) {
    cv::Mat result = image;
    if (mirror) cv::flip(image, result, 1);
    return result;
  }
  const double angle = options.rotation * random.normal() * CV_PI / 180;
  const double size = std::exp(options.scale * random.normal());
  const cv::Point2d shift(options.shift * random.normal(), options.shift * random.normal());
  const cv::Point2d centre((image.cols - 1) / 2.0, (image.rows - 1) / 2.0);

  // Output pixel to source pixel: about the centre, turned, scaled, mirrored, shifted.
  const double c = std::cos(angle) / size;
  const double s = std::sin(angle) / size;
  const double sign = mirror ? -1 : 1;
  const cv::Matx23d to_source(
      sign * c, s, centre.x - sign * c * centre.x - s * centre.y + shift.x,  //
      -sign * s, c, centre.y + sign * s * centre.x - c * centre.y + shift.y);
  cv::Mat result;
  cv::warpAffine(image, result, to_source, image.size(), cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                 cv::BORDER_REPLICATE);
  return result;
}

}  // namespace sphereface
