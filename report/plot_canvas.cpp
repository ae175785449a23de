// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/plot_canvas.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace sphereface {
namespace {

constexpr int kSupersample = 4;
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kCapitalHeight = 21;  // of the font at scale 1
constexpr int kShift = 4;              // fractional bits of coordinates

int large(double length) {
  return std::max(1, static_cast<int>(std::lround(length * kSupersample)));
}

/// The rectangle as far as the picture has it.
cv::Rect large(const cv::Rect2d& r, const cv::Mat& picture) {
  return cv::Rect(cv::Rect2d(r.tl() * kSupersample, r.br() * kSupersample)) &
         cv::Rect(0, 0, picture.cols, picture.rows);
}

/// Points far outside are moved nearer, or they would not fit in an int.
cv::Point fine(cv::Point2d point) {
  constexpr double kScale = kSupersample * (1 << kShift);
  constexpr double kFar = 1e6;
  return {static_cast<int>(std::lround(std::clamp(point.x * kScale, -kFar, kFar))),
          static_cast<int>(std::lround(std::clamp(point.y * kScale, -kFar, kFar)))};
}

std::vector<cv::Point> fine(const std::vector<cv::Point2d>& points, const cv::Rect& view) {
  const cv::Point2d origin(view.x / double{kSupersample}, view.y / double{kSupersample});
  std::vector<cv::Point> result;
  result.reserve(points.size());
  for (const cv::Point2d& point : points)
    result.push_back(fine(point - origin));
  return result;
}

}  // namespace

Canvas::Canvas(int width, int height)
    : picture_(height * kSupersample, width * kSupersample, CV_8UC3, cv::Scalar::all(255)) {}

double Canvas::textWidth(const std::string& text, double size, double stroke) {
  const cv::Size extent = cv::getTextSize(text, kFont, size * kSupersample, large(stroke), nullptr);
  return extent.width / double{kSupersample};
}

void Canvas::text(const std::string& text, double x, double y, Align align, double size,
                  const cv::Scalar& color, double stroke) {
  const double width = align == Align::kLeft ? 0 : textWidth(text, size, stroke);
  const double left = align == Align::kCentre ? x - width / 2 : x - width;
  const double baseline = y + kCapitalHeight * size / 2;
  const cv::Point origin(static_cast<int>(std::lround(left * kSupersample)),
                         static_cast<int>(std::lround(baseline * kSupersample)));
  cv::putText(picture_, text, origin, kFont, size * kSupersample, color, large(stroke),
              cv::LINE_AA);
}

void Canvas::line(cv::Point2d from, cv::Point2d to, const cv::Scalar& color, double thickness) {
  cv::line(picture_, fine(from), fine(to), color, large(thickness), cv::LINE_AA, kShift);
}

void Canvas::polyline(const std::vector<cv::Point2d>& points, const cv::Rect2d& clip,
                      const cv::Scalar& color, double thickness) {
  const cv::Rect view = large(clip, picture_);
  cv::Mat target = picture_(view);
  const std::vector<cv::Point> relative = fine(points, view);
  if (relative.size() == 1) {
    cv::circle(target, relative[0], large(1.6 * thickness) << kShift, color, cv::FILLED,
               cv::LINE_AA, kShift);
  } else {
    cv::polylines(target, relative, false, color, large(thickness), cv::LINE_AA, kShift);
  }
}

void Canvas::tint(const std::vector<cv::Point2d>& outline, const cv::Rect2d& clip,
                  const cv::Scalar& color, double opacity) {
  const cv::Rect view = large(clip, picture_);
  cv::Mat target = picture_(view);
  cv::Mat filled = target.clone();
  cv::fillPoly(filled, std::vector<std::vector<cv::Point>>{fine(outline, view)}, color, cv::LINE_AA,
               kShift);
  cv::addWeighted(filled, opacity, target, 1 - opacity, 0, target);
}

cv::Mat Canvas::reduced() const {
  cv::Mat result;
  cv::resize(picture_, result, {}, 1.0 / kSupersample, 1.0 / kSupersample, cv::INTER_AREA);
  return result;
}

}  // namespace sphereface
