// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/face_alignment.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/align/similarity_transform.h"

namespace sphereface {
namespace {

double squaredDistanceToCentre(const Face& face, const cv::Size& image) {
  // The published rule compares a centre counted from 1 with half the size.
  const double dx = (face.x1 + face.x2) / 2 + 1 - image.width / 2.0;
  const double dy = (face.y1 + face.y2) / 2 + 1 - image.height / 2.0;
  return dx * dx + dy * dy;
}

double area(const Face& face) {
  return (face.x2 - face.x1 + 1) * (face.y2 - face.y1 + 1);
}

}  // namespace

size_t chooseFace(const std::vector<Face>& faces, const cv::Size& image, FaceChoice choice) {
  const auto chosen =
      std::min_element(faces.begin(), faces.end(), [&](const Face& a, const Face& b) {
        return choice == FaceChoice::kLargest
                   ? area(a) > area(b)
                   : squaredDistanceToCentre(a, image) < squaredDistanceToCentre(b, image);
      });
  return static_cast<size_t>(chosen - faces.begin());
}

cv::Mat warpBilinear(const cv::Mat& bgr, const cv::Matx23d& to_source, int height, int width) {
  static constexpr uchar kBlack[3] = {0, 0, 0};
  cv::Mat warped(height, width, CV_8UC3);
  auto pixel = [&](int x, int y) {
    const bool inside = x >= 0 && y >= 0 && x < bgr.cols && y < bgr.rows;
    return inside ? bgr.ptr(y) + 3 * x : kBlack;
  };
  for (int y = 0; y < height; ++y) {
    uchar* target = warped.ptr(y);
    for (int x = 0; x < width; ++x) {
      // Clamped to just outside the image, where all is black, so that the floor fits an int.
      const cv::Vec2d exact = to_source * cv::Vec3d(x, y, 1);
      const double sx = std::clamp(exact[0], -2.0, bgr.cols + 1.0);
      const double sy = std::clamp(exact[1], -2.0, bgr.rows + 1.0);
      const int left = static_cast<int>(std::floor(sx));
      const int top = static_cast<int>(std::floor(sy));
      const double fx = sx - left;
      const double fy = sy - top;
      const uchar* p00 = pixel(left, top);
      const uchar* p01 = pixel(left + 1, top);
      const uchar* p10 = pixel(left, top + 1);
      const uchar* p11 = pixel(left + 1, top + 1);
      for (int c = 0; c < 3; ++c) {
        const double upper = p00[c] + fx * (p01[c] - p00[c]);
        const double lower = p10[c] + fx * (p11[c] - p10[c]);
        *target++ = static_cast<uchar>(std::lround(upper + fy * (lower - upper)));
      }
    }
  }
  return warped;
}

cv::Mat alignFace(const cv::Mat& bgr, const FivePoints& points) {
  const FivePoints target = alignmentTemplate();
  const cv::Matx23d to_source = targetToSource(points, target);
  const double scale = std::hypot(to_source(0, 0), to_source(0, 1));
  if (!(scale > 0) || !std::isfinite(scale)) {
    throw Error("face alignment: the five points coincide or are not numbers");
  }
  return warpBilinear(bgr, to_source, kAlignedHeight, kAlignedWidth);
}

}  // namespace sphereface
