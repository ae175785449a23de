// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Forward pass of very small convolution networks on one thread, for the face detector. Its nets
// have 10 to 64 channels and inputs of every size, where a general library spends its time on
// set-up; here a convolution is one loop over a row: a register full of neighbouring values, times
// one weight of each of up to 16 outputs, whose sums stay in registers too.

#pragma once

#include <cstddef>
#include <vector>

namespace sphereface {

/// `lanes` feature maps of one size, interleaved: value (channel, y, x, lane) is
/// row(channel, y)[x * lanes + lane]. One image has one lane; equally sized crops become the lanes
/// of one map, so that small maps fill the vector registers too.
class FeatureMap {
 public:
  /// Values are left undefined. Memory is kept for the next, smaller shape.
  void reshape(int channels, int height, int width, int lanes);

  int channels() const { return channels_; }
  int height() const { return height_; }
  int width() const { return width_; }
  int lanes() const { return lanes_; }

  /// width * lanes values, readable up to the next multiple of 16.
  float* row(int channel, int y) { return values_.data() + offset(channel, y); }
  const float* row(int channel, int y) const { return values_.data() + offset(channel, y); }

  /// Floats from one row to the next, a multiple of 16.
  size_t rowStride() const { return row_stride_; }

 private:
  size_t offset(int channel, int y) const {
    return (static_cast<size_t>(channel) * static_cast<size_t>(height_) + static_cast<size_t>(y)) *
           row_stride_;
  }

  int channels_ = 0;
  int height_ = 0;
  int width_ = 0;
  int lanes_ = 1;
  size_t row_stride_ = 0;
  std::vector<float> values_;
};

/// Convolution without padding, stride 1, then bias and PReLU. A fully connected layer is one whose
/// kernel covers the whole map.
struct ConvolutionLayer {
  int kernel = 1;  // width and height
  int inputs = 0;  // channels
  int outputs = 0;
  std::vector<float> weights;  // [input][ky][kx][output]
  std::vector<float> bias;     // [output]
  std::vector<float> slope;    // [output], of negative values; 1 = no activation
};

/// requires: in.channels() == layer.inputs, and in is at least kernel wide and high.
/// ensures: out is (outputs, height - kernel + 1, width - kernel + 1). Different processors round
/// differently (fused multiply-add), by about 1e-6 of the sum.
void convolve(const ConvolutionLayer& layer, const FeatureMap& in, FeatureMap& out);

/// Caffe's max pooling: output size rounds up, the last window may be cut off by the border.
/// requires: in is at least size wide and high, stride <= size.
void maxPool(int size, int stride, const FeatureMap& in, FeatureMap& out);

}  // namespace sphereface
