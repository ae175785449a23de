// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Which algorithm computes each convolution's passes: direct, or Winograd F(4x4,3x3), which does
// a quarter of the multiplications of a stride-1 convolution and rounds more (docs/results.md).
//
// As text, "ddd wwd www": a word for each layer, a letter ('d', 'w') for each of its passes.

#pragma once

#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "kernels/cpu/onednn.h"

namespace sphereface {

enum ConvolutionPass { kForwardPass, kBackwardDataPass, kBackwardWeightsPass, kPassCount };

/// Algorithm of each pass of one layer.
using LayerAlgorithms = std::array<dnnl::algorithm, kPassCount>;

constexpr LayerAlgorithms kAllDirect = {dnnl::algorithm::convolution_direct,
                                        dnnl::algorithm::convolution_direct,
                                        dnnl::algorithm::convolution_direct};

/// The passes of one layer, as oneDNN describes them.
struct LayerPrimitives {
  dnnl::convolution_forward::primitive_desc forward;
  dnnl::convolution_backward_data::primitive_desc backward_data;        // if with_backward_data
  dnnl::convolution_backward_weights::primitive_desc backward_weights;  // if training
};

/// What a layer's primitives are made from.
struct LayerDescription {
  dnnl::memory::desc src;
  dnnl::memory::desc dst;
  dnnl::memory::dim stride = 1;
  dnnl::memory::desc bias;
  bool train_bias = false;
  bool training = false;
  bool with_backward_data = false;
};

/// errors: dnnl::error when oneDNN has no such algorithm for the layer.
LayerPrimitives makePrimitives(const dnnl::engine& engine, const LayerDescription& layer,
                               const LayerAlgorithms& algorithms);

/// The faster algorithm of each pass, by a few runs of both on zeros. Winograd has to win by 5 %.
LayerAlgorithms measureAlgorithms(const dnnl::engine& engine, const dnnl::stream& stream,
                                  const LayerDescription& layer);

std::string printAlgorithms(const std::vector<LayerAlgorithms>& layers);
/// errors: Error when the text isn't `layers` words as above.
std::vector<LayerAlgorithms> parseAlgorithms(const std::string& text, size_t layers);

}  // namespace sphereface
