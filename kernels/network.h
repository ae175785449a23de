// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A SphereFace network as plain data: what the compute backends execute. Built from a table by
// model/network_table.h.
//
//   image -> [conv -> PReLU (-> + residual)] x n -> fc -> embedding
//
// All parameters of the network lie in one flat fp32 arena, in the order in which backward finishes
// their gradients (fc first, first convolution last), so that a range of the arena is an allreduce
// bucket, an optimiser slice or a checkpoint part. Layouts: convolution out x in x 3 x 3
// (cross-correlation), fc out x in with the input flattened channel, row, column; row-major.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sphereface {

/// A named tensor in the arena, called as Caffe calls it: LAYER.0 is a weight or PReLU slope,
/// LAYER.1 a bias.
struct Parameter {
  enum class Init { kConstant, kXavier, kGaussian };

  std::string name;
  std::vector<size_t> shape;
  size_t offset = 0;  // floats from the start of the arena
  size_t count = 0;
  float learning_rate_mult = 1;  // 0: never changes
  float decay_mult = 1;
  Init init = Init::kConstant;
  float init_value = 0;  // kConstant: the value; kGaussian: the standard deviation
};

/// 3x3 convolution with padding 1, then PReLU with a slope per channel, then, if residual_from >=
/// 0, plus the output of that earlier layer.
struct ConvLayer {
  std::string name;  // "conv3_2"
  int in_channels = 0;
  int out_channels = 0;
  int stride = 1;
  int in_height = 0;
  int in_width = 0;
  int out_height = 0;
  int out_width = 0;
  int residual_from = -1;
  bool train_bias = false;
  // Offsets in the arena.
  size_t weight = 0;
  size_t bias = 0;
  size_t slope = 0;
};

struct Network {
  std::string name;
  int channels = 3;
  int height = 0;
  int width = 0;
  int embedding = 0;
  std::vector<ConvLayer> convs;
  size_t fc_weight = 0;
  size_t fc_bias = 0;
  size_t fc_inputs = 0;
  std::vector<Parameter> parameters;  // in arena order
  size_t parameter_count = 0;

  // network input = (byte - mean) * scale
  float mean = 127.5F;
  float scale = 0.0078125F;

  size_t imageBytes() const {
    return static_cast<size_t>(channels) * static_cast<size_t>(height) * static_cast<size_t>(width);
  }
};

}  // namespace sphereface
