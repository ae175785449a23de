// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <opencv2/core.hpp>

namespace sphereface {

/// An 8-bit BGR image as the engines take it: its B, G and R planes, one after the other, row by
/// row. requires: room for 3 * image.total() bytes at `to`.
inline void copyPlanes(const cv::Mat& image, uint8_t* to) {
  cv::Mat planes[3];
  for (cv::Mat& plane : planes) {
    plane = cv::Mat(image.rows, image.cols, CV_8UC1, to);
    to += image.total();
  }
  cv::split(image, planes);
}

/// The opposite: an interleaved image of such planes.
inline cv::Mat interleave(const uint8_t* planes, int height, int width) {
  const size_t area = static_cast<size_t>(height) * static_cast<size_t>(width);
  cv::Mat channels[3];
  for (cv::Mat& channel : channels) {
    channel = cv::Mat(height, width, CV_8UC1, const_cast<uint8_t*>(planes));
    planes += area;
  }
  cv::Mat image;
  cv::merge(channels, 3, image);
  return image;
}

}  // namespace sphereface
