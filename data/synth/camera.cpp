// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "data/align/alignment_template.h"
#include "data/synth/painting.h"

namespace sphereface {
namespace {

/// Mean grey that contrast turns around.
constexpr float kPivot = 118;

/// Multiplies by Lambert's cosine law inside the head, then by the camera's gain.
void light(cv::Mat& image, const cv::Mat& head, const FaceCanvas& canvas,
           const FaceVariation& picture) {
  const cv::Point2d center = canvas.headCenter() / FaceCanvas::kScale;
  const cv::Size2d radii(canvas.headRadii().width / FaceCanvas::kScale,
                         canvas.headRadii().height / FaceCanvas::kScale);
  const auto ambient = static_cast<float>(picture.ambient);
  const auto contrast = static_cast<float>(picture.contrast);
  for (int y = 0; y < image.rows; ++y) {
    auto* pixel = image.ptr<cv::Vec3f>(y);
    const uchar* inside = head.ptr(y);
    const auto v = static_cast<float>((y - center.y) / radii.height);
    for (int x = 0; x < image.cols; ++x) {
      const auto u = static_cast<float>((x - center.x) / radii.width);
      const float squared = std::min(0.96F, u * u + v * v);
      const float shrink = squared < 0.96F ? 1 : std::sqrt(0.96F / (u * u + v * v));
      const float toward = u * shrink * picture.light[0] + v * shrink * picture.light[1] +
                           std::sqrt(1 - squared) * picture.light[2];
      const float lit = ambient + (1 - ambient) * 1.35F * std::max(0.0F, toward);
      const float part = static_cast<float>(inside[x]) / 255;
      const float shade = part * lit + (1 - part) * 0.85F;
      for (int c = 0; c < 3; ++c) {
        pixel[x][c] = kPivot + contrast * (pixel[x][c] * shade * picture.gain[c] - kPivot);
      }
    }
  }
}

void lowerResolution(cv::Mat& image, double resolution) {
  cv::Mat small;
  cv::resize(image, small, cv::Size(), resolution, resolution, cv::INTER_AREA);
  cv::resize(small, image, image.size(), 0, 0, cv::INTER_LINEAR);
}

/// Nearly normal noise: the sum of four bytes of a random number.
void addNoise(cv::Mat& image, double deviation, Random& random) {
  // Four bytes uniform in 0 .. 255 have mean 510 and this standard deviation together.
  const auto factor = static_cast<float>(deviation / 147.8);
  float* value = image.ptr<float>();
  const size_t count = image.total() * 3;
  for (size_t i = 0; i + 1 < count; i += 2) {
    const uint64_t bits = random.next();
    for (size_t half = 0; half < 2; ++half) {
      uint64_t sum = 0;
      for (size_t byte = 0; byte < 4; ++byte)
        sum += (bits >> (32 * half + 8 * byte)) & 0xff;
      value[i + half] += factor * (static_cast<float>(sum) - 510);
    }
  }
}

}  // namespace

cv::Mat takePicture(FaceCanvas& canvas, const FaceVariation& picture, Random& random) {
  const cv::Size size(kAlignedWidth, kAlignedHeight);
  cv::Mat small;
  cv::Mat head;
  cv::resize(canvas.image(), small, size, 0, 0, cv::INTER_AREA);
  cv::resize(canvas.headMask(), head, size, 0, 0, cv::INTER_AREA);
  cv::Mat image;
  small.convertTo(image, CV_32FC3);
  light(image, head, canvas, picture);
  if (picture.resolution < 1) lowerResolution(image, picture.resolution);
  if (picture.blur > 0.2) cv::GaussianBlur(image, image, cv::Size(), picture.blur);
  if (picture.noise > 0) addNoise(image, picture.noise, random);
  cv::Mat result;
  image.convertTo(result, CV_8UC3);
  if (picture.grey) {
    cv::Mat grey;
    cv::cvtColor(result, grey, cv::COLOR_BGR2GRAY);
    cv::cvtColor(grey, result, cv::COLOR_GRAY2BGR);
  }
  return result;
}

}  // namespace sphereface
