// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace sphereface {

enum class Align { kLeft, kCentre, kRight };

/// A white picture to draw on, in pixels of the finished picture with fractions. It is kept four
/// times larger and reduced at the end, which smooths lines and letters alike.
class Canvas {
 public:
  Canvas(int width, int height);

  /// `size` is the scale of OpenCV's stroke font, `stroke` the thickness of its lines.
  static double textWidth(const std::string& text, double size, double stroke = 1.15);

  /// `y` is the middle of the capitals, `x` the point that `align` refers to.
  void text(const std::string& text, double x, double y, Align align, double size,
            const cv::Scalar& color, double stroke = 1.15);

  void line(cv::Point2d from, cv::Point2d to, const cv::Scalar& color, double thickness);

  /// Joined points, or a dot for a single one; what leaves `clip` isn't drawn.
  void polyline(const std::vector<cv::Point2d>& points, const cv::Rect2d& clip,
                const cv::Scalar& color, double thickness);

  /// Mixes `color` into the inside of `outline` as far as `clip` reaches.
  void tint(const std::vector<cv::Point2d>& outline, const cv::Rect2d& clip,
            const cv::Scalar& color, double opacity);

  /// The finished picture, 8-bit BGR.
  cv::Mat reduced() const;

 private:
  cv::Mat picture_;
};

}  // namespace sphereface
