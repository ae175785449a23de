// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Image resizing as the published face detector does it: imResample(.., 'bilinear') of Piotr's
// Computer Vision Toolbox. Shrinking averages areas, growing interpolates linearly; OpenCV's
// INTER_LINEAR does not average, its INTER_AREA is close.

#pragma once

#include <opencv2/core.hpp>
#include <vector>

namespace sphereface {

/// Along one axis: output i is the sum of weights[k] * source[k - begin[i] + first[i]] for k in
/// begin[i] .. begin[i+1]-1.
struct ResampleAxis {
  std::vector<int> first;
  std::vector<int> begin;
  std::vector<float> weights;
};

/// Weights for `from` samples becoming `to` samples. Samples offset+j with j in 0 .. from-1 are
/// taken from a row of `available` samples; those outside it count as zero and have no weight here.
/// `first` counts in the row.
ResampleAxis resampleAxis(int from, int to, int offset, int available);

/// Resizes `crop` of `image`, zero where the crop leaves the image, to `size`, and hands the result
/// over row by row.
class Resampler {
 public:
  /// requires: image is 8-bit with 4 channels and outlives this; crop and size are not empty.
  Resampler(const cv::Mat& image, const cv::Rect& crop, const cv::Size& size);

  /// Row y of the result: size.width pixels of 4 channels. Valid until the next call.
  const float* row(int y);

 private:
  const cv::Mat& image_;
  cv::Rect crop_;
  cv::Size size_;
  ResampleAxis horizontal_;
  ResampleAxis vertical_;
  std::vector<float> source_row_;
  std::vector<float> result_;
  float norm_;
};

}  // namespace sphereface
