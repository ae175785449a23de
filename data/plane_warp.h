// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Affine warp of an 8-bit image of three planes, bilinear. Positions are rounded to 1/256 pixel and
// the four weights to whole 1/256 that add up to 1; a sample is rounded once. (OpenCV rounds
// positions to 1/32, wants the channels interleaved, and takes half as long again.)

#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <vector>

namespace sphereface {

/// Keeps its scratch memory from one image to the next. One for each thread.
class PlaneWarp {
 public:
  /// Both images are three planes of size.area() bytes and don't overlap; output pixel (x, y) is
  /// the sample at to_source * (x, y, 1). Pixels from outside repeat the border. requires: size at
  /// most 8192 x 8192, positions within +-16384.
  void apply(const uint8_t* from, const cv::Size& size, const cv::Matx23d& to_source, uint8_t* to);

 private:
  std::vector<uint64_t> pixels_;
  std::vector<uint64_t> row_;
  std::vector<int32_t> source_;
  std::vector<uint32_t> weights_;
};

}  // namespace sphereface
