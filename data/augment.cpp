// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/augment.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/opencv_images.h"
#include "base/target_clones.h"

namespace sphereface {
namespace {

constexpr double kSmallest = 0.3;
constexpr double kLargest = 0.8;
constexpr double kCutoutSmallest = 0.15;
constexpr double kCutoutLargest = 0.45;
constexpr uint8_t kMidGrey = 127;

/// What is done to one image.
struct Variant {
  double resolution = 1;
  bool mirror = false;
  double angle = 0;  // radians
  double size = 1;
  cv::Point2d shift;
  std::array<double, 3> gain = {1, 1, 1};
  bool grayscale = false;
  double contrast = 1;
  double brightness = 0;
  cv::Rect cutout;
};

/// That share of `length` pixels, at least one.
int span(double share, int length) {
  return std::max(1, static_cast<int>(std::lround(share * length)));
}

/// Draws the same numbers whatever is on, so that one augmentation doesn't change another's.
Variant draw(const AugmentOptions& options, const cv::Size& image, Random& random) {
  Variant v;
  v.mirror = random.chance(0.5) && options.mirror;
  v.angle = options.rotation * random.normal() * CV_PI / 180;
  v.size = std::exp(options.scale * random.normal());
  v.shift.x = options.shift * random.normal();
  v.shift.y = options.shift * random.normal();
  const bool coarse = random.chance(options.low_resolution);
  const double resolution = random.uniform(kSmallest, kLargest);
  if (coarse) v.resolution = resolution;
  v.grayscale = random.chance(options.grayscale);
  for (double& gain : v.gain)
    gain = std::exp(options.color_gain * random.normal());
  v.contrast = std::exp(options.contrast * random.normal());
  v.brightness = options.brightness * random.normal();
  const bool cut = random.chance(options.cutout);
  const int width = span(random.uniform(kCutoutSmallest, kCutoutLargest), image.width);
  const int height = span(random.uniform(kCutoutSmallest, kCutoutLargest), image.height);
  const auto left = random.below(static_cast<uint64_t>(image.width - width) + 1);
  const auto top = random.below(static_cast<uint64_t>(image.height - height) + 1);
  if (cut) v.cutout = {static_cast<int>(left), static_cast<int>(top), width, height};
  return v;
}

/// Output pixel to source pixel: about the centre, turned, scaled, mirrored, shifted.
cv::Matx23d toSource(const Variant& v, const cv::Size& image) {
  const cv::Point2d centre((image.width - 1) / 2.0, (image.height - 1) / 2.0);
  const double c = std::cos(v.angle) / v.size;
  const double s = std::sin(v.angle) / v.size;
  const double sign = v.mirror ? -1 : 1;
  return {sign * c,  s, centre.x - sign * c * centre.x - s * centre.y + v.shift.x,  //
          -sign * s, c, centre.y + sign * s * centre.x - c * centre.y + v.shift.y};
}

void copy(const uint8_t* from, const cv::Size& size, bool mirror, uint8_t* to) {
  const auto width = static_cast<size_t>(size.width);
  const size_t rows = 3 * static_cast<size_t>(size.height);
  if (!mirror) {
    std::copy_n(from, rows * width, to);
    return;
  }
  for (size_t row = 0; row < rows; ++row, from += width, to += width)
    std::reverse_copy(from, from + width, to);
}

/// byte * factor + offset, rounded, in place.
SPHEREFACE_TARGET_CLONES
void scalePlane(uint8_t* plane, size_t count, float factor, float offset) {
  offset += 0.5F;
  for (size_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(plane[i]) * factor + offset;
    plane[i] = static_cast<uint8_t>(std::min(255.0F, std::max(0.0F, value)));
  }
}

/// Luma (ITU-R BT.601, in 1/256) to all three planes.
SPHEREFACE_TARGET_CLONES
void removeColour(uint8_t* planes, size_t count) {
  uint8_t* b = planes;
  uint8_t* g = planes + count;
  uint8_t* r = planes + 2 * count;
  for (size_t i = 0; i < count; ++i) {
    const auto luma = static_cast<uint16_t>(29 * b[i] + 150 * g[i] + 77 * r[i] + 128);
    b[i] = g[i] = r[i] = static_cast<uint8_t>(luma >> 8);
  }
}

/// Gains, grey, contrast and brightness, with one rounding unless grey comes between.
void changeColours(const Variant& v, uint8_t* planes, size_t count) {
  const auto contrast = static_cast<float>(v.contrast);
  const auto offset = static_cast<float>(127.5 * (1 - v.contrast) + v.brightness);
  const bool gains = v.gain != std::array<double, 3>{1, 1, 1};
  const bool levels = v.contrast != 1 || v.brightness != 0;
  if (!gains && !levels && !v.grayscale) return;
  for (size_t c = 0; c < v.gain.size(); ++c) {
    const auto gain = static_cast<float>(v.gain[c]);
    uint8_t* plane = planes + c * count;
    if (!v.grayscale) {
      scalePlane(plane, count, gain * contrast, offset);
    } else if (gains) {
      scalePlane(plane, count, gain, 0);
    }
  }
  if (!v.grayscale) return;
  removeColour(planes, count);
  if (levels) scalePlane(planes, 3 * count, contrast, offset);
}

void cutOut(const cv::Rect& hole, const cv::Size& image, uint8_t* planes) {
  if (hole.empty()) return;
  for (int c = 0; c < 3; ++c) {
    cv::Mat(image, CV_8UC1, planes + static_cast<size_t>(c) * image.area())(hole).setTo(kMidGrey);
  }
}

}  // namespace

AugmentOptions augmentOptions(const DataConfig& config) {
  AugmentOptions options;
  options.mirror = config.mirror();
  options.rotation = config.rotation();
  options.scale = config.scale();
  options.shift = config.shift();
  options.low_resolution = config.low_resolution();
  options.grayscale = config.grayscale();
  options.color_gain = config.color_gain();
  options.contrast = config.contrast();
  options.brightness = config.brightness();
  options.cutout = config.cutout();
  return options;
}

void Augmenter::apply(const uint8_t* from, const cv::Size& size, Random& random, uint8_t* to) {
  const auto area = static_cast<size_t>(size.area());
  const Variant v = draw(options_, size, random);
  if (v.resolution < 1) {
    const cv::Size small(span(v.resolution, size.width), span(v.resolution, size.height));
    coarse_.resize(3 * area);
    for (size_t c = 0; c < 3; ++c) {
      const cv::Mat plane(size, CV_8UC1, const_cast<uint8_t*>(from) + c * area);
      cv::Mat coarse(size, CV_8UC1, coarse_.data() + c * area);
      resizeByOpenCv(plane, small, true, small_);
      resizeByOpenCv(small_, size, false, coarse);
    }
    from = coarse_.data();
  }
  if (v.angle != 0 || v.size != 1 || v.shift != cv::Point2d()) {
    warp_.apply(from, size, toSource(v, size), to);
  } else {
    copy(from, size, v.mirror, to);
  }
  changeColours(v, to, area);
  cutOut(v.cutout, size, to);
}

}  // namespace sphereface
