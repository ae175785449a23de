// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/similarity_transform.h"

#include <cmath>

#include "base/error.h"

namespace sphereface {
namespace {

/// Closed form of the least squares problem, about the centroids.
cv::Matx23d fit(std::span<const cv::Point2d> source, std::span<const cv::Point2d> target,
                double sign) {
  const auto count = static_cast<double>(source.size());
  cv::Point2d source_mean;
  cv::Point2d target_mean;
  for (size_t i = 0; i < source.size(); ++i) {
    source_mean += source[i] / count;
    target_mean += cv::Point2d(sign * target[i].x, target[i].y) / count;
  }
  double a = 0;
  double b = 0;
  double norm = 0;
  for (size_t i = 0; i < source.size(); ++i) {
    const cv::Point2d t = cv::Point2d(sign * target[i].x, target[i].y) - target_mean;
    const cv::Point2d s = source[i] - source_mean;
    a += t.x * s.x + t.y * s.y;
    b += t.y * s.x - t.x * s.y;
    norm += t.x * t.x + t.y * t.y;
  }
  if (!(norm > 0)) throw Error("similarity transform: the target points coincide");
  a /= norm;
  b /= norm;
  const double c = source_mean.x - a * target_mean.x - b * target_mean.y;
  const double d = source_mean.y - a * target_mean.y + b * target_mean.x;
  return {sign * a, b, c, -sign * b, a, d};
}

/// Sum of squared distances in target space between target and the source points mapped there.
double targetResidual(const cv::Matx23d& to_source, std::span<const cv::Point2d> source,
                      std::span<const cv::Point2d> target) {
  const cv::Matx22d linear(to_source(0, 0), to_source(0, 1), to_source(1, 0), to_source(1, 1));
  const double determinant = cv::determinant(linear);
  if (determinant == 0) return HUGE_VAL;
  const cv::Matx22d inverse(linear(1, 1) / determinant, -linear(0, 1) / determinant,
                            -linear(1, 0) / determinant, linear(0, 0) / determinant);
  double sum = 0;
  for (size_t i = 0; i < source.size(); ++i) {
    const cv::Vec2d mapped =
        inverse * cv::Vec2d(source[i].x - to_source(0, 2), source[i].y - to_source(1, 2));
    const cv::Vec2d difference = mapped - cv::Vec2d(target[i].x, target[i].y);
    sum += difference.dot(difference);
  }
  return sum;
}

}  // namespace

cv::Matx23d targetToSource(std::span<const cv::Point2d> source,
                           std::span<const cv::Point2d> target) {
  if (source.size() != target.size() || source.size() < 2) {
    throw Error(concat("similarity transform: ", source.size(), " source and ", target.size(),
                       " target points"));
  }
  const cv::Matx23d plain = fit(source, target, 1.0);
  const cv::Matx23d reflected = fit(source, target, -1.0);
  return targetResidual(reflected, source, target) < targetResidual(plain, source, target)
             ? reflected
             : plain;
}

}  // namespace sphereface
