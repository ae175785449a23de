// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a CpuTrunk decides when it is made: each convolution's algorithms, layouts, and where every
// byte of a step lies. The passes themselves are in cpu_trunk.cpp.
//
// One allocation holds, when training: the input; every layer's output (a residual layer's
// convolution output too) and its PReLU's sign bits; three gradients of activations; one layer's
// weights in oneDNN's layout; oneDNN's scratchpad. Otherwise three activations in place of all.

#pragma once

#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/activation_buffers.h"
#include "kernels/cpu/blocked_prelu.h"
#include "kernels/cpu/convolution_algorithms.h"
#include "kernels/engine.h"

namespace sphereface {

/// One convolution layer with everything its passes touch.
struct TrunkLayer {
  ConvLayer shape;
  BlockedShape blocked;
  void* pre = nullptr;        // convolution's output; the same memory as `post` but in a residual
                              // layer when training
  void* post = nullptr;       // after PReLU and residual
  uint32_t* signs = nullptr;  // of `pre`, where it was overwritten

  onednn::Call weights_to_forward;
  onednn::Call forward;
  onednn::Call backward_parameters;
  onednn::Call gradient_to_plain;
  onednn::Call gradient_add_to_plain;
  onednn::Call weights_to_backward;
  onednn::Call backward_data;  // not in the first layer

  GradientFlow flow;  // of the plan's three gradients
};

struct TrunkPlan {
  /// parameters, gradients: the arenas of every pass; without gradients, for inference only.
  TrunkPlan(const EngineOptions& options, const float* parameters, float* gradients);

  /// A layer's output, in the blocked layout.
  dnnl::memory::desc blockedDesc(const ConvLayer& c) const;
  dnnl::memory::desc inputDesc() const;
  /// A layer's output unpacked: fp32, channel by channel, row by row.
  dnnl::memory::desc plainOutputDesc(const ConvLayer& c) const;

  Network network;
  int batch;
  dnnl::memory::data_type type;
  const float* parameters;
  float* gradients;
  bool training;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::vector<LayerAlgorithms> algorithms;
  std::vector<std::string> notes;

  std::vector<TrunkLayer> layers;
  AlignedBuffer<uint8_t> arena;
  void* input = nullptr;  // plain, normalised
  std::array<void*, kSharedBuffers> gradient = {};
  AlignedBuffer<float> fc_input;  // [batch, fc_inputs], plain
  AlignedBuffer<float> d_fc_input;
  AlignedBuffer<float> padded_slope;    // one layer's, to whole blocks
  AlignedBuffer<float> slope_gradient;  // [batch, padded channels]
  AlignedBuffer<float> bias_gradient;   // one layer's
  onednn::Call to_fc_input;
  onednn::Call from_d_fc_input;

 private:
  LayerDescription describe(size_t index) const;
  void chooseAlgorithms(const EngineOptions& options);
  void measureEachShape();
  void keepWhatWorks();
  void planMemory(const std::vector<LayerPrimitives>& primitives);
  void tieCalls(size_t index, const LayerPrimitives& primitives);
  dnnl::memory at(const dnnl::memory::desc& desc, const void* data) const;
  onednn::Call reorder(const dnnl::memory& from, const dnnl::memory& to, bool add = false) const;

  void* weights_ = nullptr;
  void* scratchpad_ = nullptr;
};

}  // namespace sphereface
