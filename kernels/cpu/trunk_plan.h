// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a CpuTrunk decides when it is made: oneDNN's primitives, layouts, and where every activation
// lies. The passes themselves are in cpu_trunk.cpp.

#pragma once

#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/cpu/blocked_prelu.h"
#include "kernels/engine.h"

namespace sphereface {

/// A reorder between two fixed layouts, replacing what is there or adding to it.
dnnl::reorder makeReorder(const dnnl::engine& engine, const dnnl::memory::desc& from,
                          const dnnl::memory::desc& to, bool add = false);

/// One convolution layer with everything its passes touch.
struct TrunkLayer {
  ConvLayer shape;
  BlockedShape blocked;
  dnnl::memory::desc plain_weights;
  dnnl::memory pre;   // convolution's output; same memory as post when not training
  dnnl::memory post;  // after PReLU and residual

  dnnl::convolution_forward forward;
  dnnl::memory forward_weights;
  dnnl::reorder weights_to_forward;

  dnnl::convolution_backward_data backward_data;  // not in the first layer
  dnnl::memory backward_weights;
  dnnl::reorder weights_to_backward;

  dnnl::convolution_backward_weights backward_parameters;
  dnnl::memory weight_gradient;
  dnnl::reorder gradient_to_plain;
  dnnl::reorder gradient_add_to_plain;
};

struct TrunkPlan {
  TrunkPlan(const Network& network, int batch, Precision precision, bool training);

  /// A layer's output, in the blocked layout.
  dnnl::memory::desc blockedDesc(const ConvLayer& c) const;
  dnnl::memory::desc inputDesc() const;
  dnnl::memory::desc biasDesc(const TrunkLayer& layer) const;
  /// A layer's output unpacked: fp32, channel by channel, row by row.
  dnnl::memory::desc plainOutputDesc(const TrunkLayer& layer) const;

  Network network;
  int batch;
  dnnl::memory::data_type type;
  bool training;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};

  std::vector<TrunkLayer> layers;
  AlignedBuffer<uint8_t> arena;  // activations, then gradients of activations
  dnnl::memory input;            // plain, normalised
  // Backward's three buffers, each as large as the largest layer: the gradient coming down, the
  // gradient of the convolution's output, the residual branch's.
  std::array<void*, 3> gradient = {};
  AlignedBuffer<float> fc_input;  // [batch, fc_inputs], plain
  AlignedBuffer<float> d_fc_input;
  AlignedBuffer<float> padded_slope;    // one layer's, to whole blocks
  AlignedBuffer<float> slope_gradient;  // [batch, padded channels]
  AlignedBuffer<float> bias_gradient;   // one layer's
  dnnl::reorder to_fc_input;
  dnnl::reorder from_d_fc_input;

 private:
  void makeLayer(int index);
  void planMemory();
};

}  // namespace sphereface
