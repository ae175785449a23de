// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/plane_warp.h"

#include <algorithm>
#include <cmath>

#include "base/target_clones.h"

namespace sphereface {
namespace {

constexpr double kOne = 65536;  // positions are 16.16 fixed point
constexpr int kHalf = 128;

/// Planes to 64-bit pixels, the channels in the low bytes of 16-bit lanes, with the last column and
/// row repeated: [height + 1, width + 1].
SPHEREFACE_TARGET_CLONES
void spread(const uint8_t* planes, int height, int width, uint64_t* pixels) {
  const int area = height * width;
  const int stride = width + 1;
  for (int y = 0; y < height; ++y) {
    const uint8_t* from = planes + y * width;
    uint64_t* row = pixels + y * stride;
    for (int x = 0; x < width; ++x) {
      row[x] = from[x] | uint64_t{from[x + area]} << 16 | uint64_t{from[x + 2 * area]} << 32;
    }
    row[width] = row[width - 1];
  }
  std::copy_n(pixels + (height - 1) * stride, stride, pixels + height * stride);
}

/// Where a row's samples lie: index of the upper left pixel, and the weights of the four (upper
/// left, right, lower left, right) as a byte each, but for the first, which is what they lack of
/// 256.
SPHEREFACE_TARGET_CLONES
void place(const cv::Size& size, int first_x, int first_y, int step_x, int step_y,
           int32_t* __restrict source, uint32_t* __restrict weights) {
  const int last_x = (size.width - 1) << 16;
  const int last_y = (size.height - 1) << 16;
  for (int x = 0; x < size.width; ++x) {
    int at_x = first_x + x * step_x;
    int at_y = first_y + x * step_y;
    at_x = at_x < 0 ? 0 : at_x;
    at_y = at_y < 0 ? 0 : at_y;
    at_x = at_x > last_x ? last_x : at_x;
    at_y = at_y > last_y ? last_y : at_y;
    const int fx = (at_x >> 8) & 255;
    const int fy = (at_y >> 8) & 255;
    const int both = (fx * fy + kHalf) >> 8;
    source[x] = (at_y >> 16) * (size.width + 1) + (at_x >> 16);
    weights[x] = static_cast<uint32_t>((fx - both) | (fy - both) << 8 | both << 16);
  }
}

/// Three lanes of 16 bits hold a weighted sum, whose weights add up to 256. The clones would
/// gather, which is slower than these loads.
void sample(const uint64_t* pixels, int width, const int32_t* source, const uint32_t* weights,
            uint64_t* row) {
  for (int x = 0; x < width; ++x) {
    const uint64_t* p = pixels + source[x];
    const uint64_t right = weights[x] & 255;
    const uint64_t below = weights[x] >> 8 & 255;
    const uint64_t both = weights[x] >> 16;
    row[x] = p[0] * (256 - right - below - both) + p[1] * right + p[width + 1] * below +
             p[width + 2] * both + 0x008000800080;
  }
}

/// The lanes' upper bytes to three planes.
SPHEREFACE_TARGET_CLONES
void split(const uint64_t* __restrict row, int width, int area, uint8_t* __restrict to) {
  for (int x = 0; x < width; ++x) {
    to[x] = static_cast<uint8_t>(row[x] >> 8);
    to[x + area] = static_cast<uint8_t>(row[x] >> 24);
    to[x + 2 * area] = static_cast<uint8_t>(row[x] >> 40);
  }
}

int fixed(double position) {
  return static_cast<int>(std::lround(position * kOne));
}

}  // namespace

void PlaneWarp::apply(const uint8_t* from, const cv::Size& size, const cv::Matx23d& to_source,
                      uint8_t* to) {
  const auto width = static_cast<size_t>(size.width);
  pixels_.resize(static_cast<size_t>(size.height + 1) * (width + 1));
  row_.resize(width);
  source_.resize(width);
  weights_.resize(width);
  spread(from, size.height, size.width, pixels_.data());
  for (int y = 0; y < size.height; ++y) {
    place(size, fixed(to_source(0, 1) * y + to_source(0, 2)) + kHalf,
          fixed(to_source(1, 1) * y + to_source(1, 2)) + kHalf, fixed(to_source(0, 0)),
          fixed(to_source(1, 0)), source_.data(), weights_.data());
    sample(pixels_.data(), size.width, source_.data(), weights_.data(), row_.data());
    split(row_.data(), size.width, size.area(), to + y * size.width);
  }
}

}  // namespace sphereface
