// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/synth/canvas.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "data/align/alignment_template.h"
#include "data/align/similarity_transform.h"

namespace sphereface {
namespace {

/// Fraction bits of the coordinates given to OpenCV.
constexpr int kShift = 4;

cv::Vec2d cosSin(double angle) {
  return {std::cos(angle), std::sin(angle)};
}

cv::Rect bounds(const Path& polygon, const cv::Size& size) {
  cv::Point2d low = polygon.front();
  cv::Point2d high = polygon.front();
  for (const cv::Point2d& p : polygon) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  const cv::Rect box(cv::Point(cvFloor(low.x) - 2, cvFloor(low.y) - 2),
                     cv::Point(cvCeil(high.x) + 3, cvCeil(high.y) + 3));
  return box & cv::Rect(cv::Point(0, 0), size);
}

/// 8-bit coverage of the polygon inside `box`.
cv::Mat rasterize(const Path& polygon, const cv::Rect& box) {
  std::vector<cv::Point> points;
  points.reserve(polygon.size());
  for (const cv::Point2d& p : polygon) {
    points.emplace_back(cvRound((p.x - box.x) * (1 << kShift)),
                        cvRound((p.y - box.y) * (1 << kShift)));
  }
  cv::Mat mask = cv::Mat::zeros(box.size(), CV_8UC1);
  cv::fillPoly(mask, std::vector<std::vector<cv::Point>>{points}, cv::Scalar(255), cv::LINE_AA,
               kShift);
  return mask;
}

cv::Matx23d inverse(const cv::Matx23d& m) {
  const double determinant = m(0, 0) * m(1, 1) - m(0, 1) * m(1, 0);
  const cv::Matx22d linear(m(1, 1) / determinant, -m(0, 1) / determinant, -m(1, 0) / determinant,
                           m(0, 0) / determinant);
  const cv::Vec2d shift = linear * cv::Vec2d(m(0, 2), m(1, 2));
  return {linear(0, 0), linear(0, 1), -shift[0], linear(1, 0), linear(1, 1), -shift[1]};
}

}  // namespace

FaceCanvas::FaceCanvas(const FaceIdentity& face, const FaceVariation& picture, Random& random)
    : face_(face),
      middle_((face.crown + face.chin) / 2),
      half_height_((face.chin - face.crown) / 2),
      yaw_(cosSin(picture.yaw)),
      pitch_(cosSin(picture.pitch)),
      roll_(cosSin(picture.roll)),
      focal_(picture.focal),
      widen_(std::hypot(yaw_[0], 1.12 * face.head_depth / face.head_width * yaw_[1])),
      to_picture_(1, 0, 0, 0, 1, 0),
      image_(kAlignedHeight * kScale, kAlignedWidth * kScale, CV_8UC3),
      head_mask_(cv::Mat::zeros(image_.size(), CV_8UC1)) {
  align(picture, random);
}

void FaceCanvas::align(const FaceVariation& picture, Random& random) {
  const double eye = face_.eye_distance / 2;
  const double corner = face_.mouth_y + face_.mouth_rest - 1.5 * picture.smile;
  FivePoints seen = {onFace(-eye, -20), onFace(eye, -20),
                     onFace(face_.nose_bend, face_.nose_tip, face_.nose_height),
                     onFace(-face_.mouth_width, corner), onFace(face_.mouth_width, corner)};
  for (cv::Point2d& point : seen) {
    // Braces, not parentheses, fix the order of the two draws.
    point += cv::Point2d{picture.jitter * random.normal(), picture.jitter * random.normal()};
  }
  const cv::Matx23d to_template = inverse(targetToSource(seen, alignmentTemplate()));
  // The centre of pixel (0, 0) becomes that of the kScale x kScale pixels it is made from.
  const double centre = (kScale - 1) / 2.0;
  to_picture_ = cv::Matx23d(to_template.val) * static_cast<double>(kScale);
  to_picture_(0, 2) += centre;
  to_picture_(1, 2) += centre;
  scale_ = std::hypot(to_picture_(0, 0), to_picture_(0, 1));
}

double FaceCanvas::depth(double x, double y) const {
  const double u = x / (1.04 * face_.head_width);
  const double v = (y - middle_) / (1.1 * half_height_);
  return face_.head_depth * std::sqrt(std::max(0.03, 1 - u * u - v * v));
}

cv::Point2d FaceCanvas::project(cv::Point3d point, double outline_x) const {
  const double y = point.y - middle_;
  const double tilted_y = y * pitch_[0] + point.z * pitch_[1];
  const double tilted_z = point.z * pitch_[0] - y * pitch_[1];
  const double turned_x = point.x * yaw_[0] + tilted_z * yaw_[1] + outline_x * widen_;
  const double turned_z = tilted_z * yaw_[0] - point.x * yaw_[1];
  const double near = focal_ / (focal_ - turned_z);
  const cv::Vec2d seen(near * (turned_x * roll_[0] - tilted_y * roll_[1]),
                       near * (turned_x * roll_[1] + tilted_y * roll_[0]));
  const cv::Vec2d in_picture = to_picture_ * cv::Vec3d(seen[0], seen[1], 1);
  return {in_picture[0], in_picture[1]};
}

cv::Point2d FaceCanvas::onFace(double x, double y, double lift) const {
  return project({x, y, depth(x, y) + lift}, 0);
}

cv::Point2d FaceCanvas::onOutline(double x, double y) const {
  // The jaw lies further to the front than the temples.
  const double lower = std::clamp((y + 20) / (face_.chin + 20), 0.0, 1.0);
  return project({0, y, 0.5 * face_.head_depth * lower * lower}, x);
}

double FaceCanvas::outlineWidth(double y) const {
  constexpr double kWidest = -10;
  if (y <= kWidest) {
    const double u = std::min(1.0, (kWidest - y) / (kWidest - face_.crown));
    return face_.head_width * std::pow(1 - std::pow(u, 2.5), 1 / 2.5);
  }
  const double u = std::min(1.0, (y - kWidest) / (face_.chin - kWidest));
  const double round = std::pow(1 - std::pow(u, 2.6), face_.chin_roundness);
  const double jaw = 1 - (1 - face_.jaw_width) * std::sin(u * std::numbers::pi / 2);
  const double cheek = face_.cheek * std::exp(-std::pow((y - 2) / 9, 2));
  return (face_.head_width * jaw + cheek) * round;
}

cv::Point2d FaceCanvas::headCenter() const {
  return project({0, middle_, 0}, 0);
}

cv::Size2d FaceCanvas::headRadii() const {
  return {face_.head_width * widen_ * scale_, half_height_ * scale_};
}

cv::Mat FaceCanvas::coverage(const Path& polygon) const {
  return rasterize(polygon, cv::Rect(cv::Point(0, 0), image_.size()));
}

void FaceCanvas::fill(const Path& polygon, const Color& color, double alpha, const cv::Mat& clip) {
  const cv::Rect box = bounds(polygon, image_.size());
  if (box.empty() || alpha <= 0) return;
  cv::Mat mask = rasterize(polygon, box);
  if (!clip.empty()) cv::min(mask, clip(box), mask);
  const int opacity = cvRound(std::min(alpha, 1.0) * 256);
  const cv::Vec3i paint(cv::saturate_cast<uchar>(color[0]), cv::saturate_cast<uchar>(color[1]),
                        cv::saturate_cast<uchar>(color[2]));
  for (int y = 0; y < box.height; ++y) {
    const uchar* cover = mask.ptr(y);
    auto* pixel = image_.ptr<cv::Vec3b>(box.y + y) + box.x;
    uchar* head = head_mask_.ptr(box.y + y) + box.x;
    for (int x = 0; x < box.width; ++x) {
      if (cover[x] == 0) continue;
      const int weight = cover[x] * opacity;
      for (int c = 0; c < 3; ++c) {
        const int old = pixel[x][c];
        pixel[x][c] = static_cast<uchar>(old + (paint[c] - old) * weight / (255 * 256));
      }
      const int target = lit_ ? 255 : 0;
      head[x] = static_cast<uchar>(head[x] + (target - head[x]) * weight / (255 * 256));
    }
  }
}

void FaceCanvas::stroke(const Path& line, double width, double end_width, const Color& color,
                        double alpha, const cv::Mat& clip) {
  const size_t count = line.size();
  Path ribbon(2 * count);
  for (size_t i = 0; i < count; ++i) {
    const cv::Point2d along = line[std::min(i + 1, count - 1)] - line[i == 0 ? 0 : i - 1];
    const double length = std::max(1e-6, std::hypot(along.x, along.y));
    const double t = 2 * static_cast<double>(i) / static_cast<double>(count - 1) - 1;
    const double half = 0.5 * scale_ * (end_width + (width - end_width) * (1 - t * t));
    const cv::Point2d normal(-along.y / length * half, along.x / length * half);
    ribbon[i] = line[i] + normal;
    ribbon[2 * count - 1 - i] = line[i] - normal;
  }
  fill(ribbon, color, alpha, clip);
}

void FaceCanvas::disc(double x, double y, double radius_x, double radius_y, const Color& color,
                      double alpha, const cv::Mat& clip) {
  constexpr int kCorners = 16;
  Path circle;
  for (int i = 0; i < kCorners; ++i) {
    const double angle = 2 * std::numbers::pi * i / kCorners;
    circle.push_back(onFace(x + radius_x * std::cos(angle), y + radius_y * std::sin(angle)));
  }
  fill(circle, color, alpha, clip);
}

}  // namespace sphereface
