// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The library that base/opencv_images.cpp opens.

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

using sphereface::concat;
using sphereface::Error;

extern "C" void spherefaceDecodeImage(std::string_view bytes, cv::Mat& image) {
  const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  try {
    image = cv::imdecode(raw, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception& e) {
    throw Error(e.err);
  }
  if (image.empty()) throw Error("not an image that can be decoded");
}

extern "C" void spherefaceEncodeImage(const cv::Mat& bgr, const std::string& suffix,
                                      std::string& bytes) {
  std::vector<uchar> encoded;
  if (!cv::imencode(suffix, bgr, encoded)) throw Error(concat(suffix, " encoding failed"));
  bytes.assign(encoded.begin(), encoded.end());
}

extern "C" void spherefaceResizeImage(const cv::Mat& from, const cv::Size& size, bool smaller,
                                      cv::Mat& to) {
  cv::resize(from, to, size, 0, 0, smaller ? cv::INTER_AREA : cv::INTER_LINEAR);
}
