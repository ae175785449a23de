// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/onednn.h"

#include "base/error.h"

namespace sphereface::onednn {
namespace {

using dnnl::prop_kind;

const dnnl::memory::dims kNearPadding = {1, 1};

dnnl::primitive_attr callersScratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

}  // namespace

Call::Call(dnnl::primitive primitive, const std::vector<std::pair<int, dnnl::memory>>& arguments)
    : primitive_(std::move(primitive)) {
  for (const auto& [index, memory] : arguments) {
    memories_.push_back(memory);
    arguments_.push_back({index, memory.get()});
  }
}

void Call::operator()(const dnnl::stream& stream) const {
  dnnl::error::wrap_c_api(
      dnnl_primitive_execute(primitive_.get(), stream.get(), static_cast<int>(arguments_.size()),
                             arguments_.data()),
      "oneDNN could not run a primitive");
  dnnl::error::wrap_c_api(dnnl_stream_wait(stream.get()), "oneDNN could not end a primitive");
}

dnnl::memory::dims ConvDescription::farPadding() const {
  dnnl::memory::dims padding;
  for (size_t axis = 2; axis < 4; ++axis) {
    const auto in = dimsOf(src)[axis];
    const auto out = dimsOf(dst)[axis];
    padding.push_back((out - 1) * stride + 3 - in - 1);
  }
  return padding;
}

#if DNNL_VERSION_MAJOR >= 3

dnnl::memory::dims dimsOf(const dnnl::memory::desc& desc) {
  return desc.get_dims();
}

dnnl::memory::data_type typeOf(const dnnl::memory::desc& desc) {
  return desc.get_data_type();
}

dnnl::convolution_forward::primitive_desc convForward(const dnnl::engine& engine,
                                                      const ConvDescription& conv,
                                                      const dnnl::memory::desc& bias,
                                                      bool training) {
  return {engine,
          training ? prop_kind::forward_training : prop_kind::forward_inference,
          conv.algorithm,
          conv.src,
          conv.weights,
          bias,
          conv.dst,
          conv.strides(),
          kNearPadding,
          conv.farPadding(),
          callersScratchpad()};
}

dnnl::convolution_backward_data::primitive_desc convBackwardData(
    const dnnl::engine& engine, const ConvDescription& conv,
    const dnnl::convolution_forward::primitive_desc& forward) {
  return {engine,         conv.algorithm, conv.src,          conv.weights, conv.dst,
          conv.strides(), kNearPadding,   conv.farPadding(), forward,      callersScratchpad()};
}

dnnl::convolution_backward_weights::primitive_desc convBackwardWeights(
    const dnnl::engine& engine, const ConvDescription& conv, const dnnl::memory::desc& bias,
    const dnnl::convolution_forward::primitive_desc& forward) {
  return {
      engine,       conv.algorithm,    conv.src, conv.weights,       bias, conv.dst, conv.strides(),
      kNearPadding, conv.farPadding(), forward,  callersScratchpad()};
}

dnnl::matmul::primitive_desc matrixProduct(const dnnl::engine& engine, const dnnl::memory::desc& a,
                                           const dnnl::memory::desc& b,
                                           const dnnl::memory::desc& c) {
  return {engine, a, b, c};
}

#else

dnnl::memory::dims dimsOf(const dnnl::memory::desc& desc) {
  return desc.dims();
}

dnnl::memory::data_type typeOf(const dnnl::memory::desc& desc) {
  return desc.data_type();
}

dnnl::convolution_forward::primitive_desc convForward(const dnnl::engine& engine,
                                                      const ConvDescription& conv,
                                                      const dnnl::memory::desc& bias,
                                                      bool training) {
  const dnnl::convolution_forward::desc description(
      training ? prop_kind::forward_training : prop_kind::forward_inference, conv.algorithm,
      conv.src, conv.weights, bias, conv.dst, conv.strides(), kNearPadding, conv.farPadding());
  return {description, callersScratchpad(), engine};
}

dnnl::convolution_backward_data::primitive_desc convBackwardData(
    const dnnl::engine& engine, const ConvDescription& conv,
    const dnnl::convolution_forward::primitive_desc& forward) {
  const dnnl::convolution_backward_data::desc description(conv.algorithm, conv.src, conv.weights,
                                                          conv.dst, conv.strides(), kNearPadding,
                                                          conv.farPadding());
  return {description, callersScratchpad(), engine, forward};
}

dnnl::convolution_backward_weights::primitive_desc convBackwardWeights(
    const dnnl::engine& engine, const ConvDescription& conv, const dnnl::memory::desc& bias,
    const dnnl::convolution_forward::primitive_desc& forward) {
  const dnnl::convolution_backward_weights::desc description(conv.algorithm, conv.src, conv.weights,
                                                             bias, conv.dst, conv.strides(),
                                                             kNearPadding, conv.farPadding());
  return {description, callersScratchpad(), engine, forward};
}

dnnl::matmul::primitive_desc matrixProduct(const dnnl::engine& engine, const dnnl::memory::desc& a,
                                           const dnnl::memory::desc& b,
                                           const dnnl::memory::desc& c) {
  return {dnnl::matmul::desc(a, b, c), engine};
}

#endif

void gemm(char transpose_a, char transpose_b, dnnl::memory::dim m, dnnl::memory::dim n,
          dnnl::memory::dim k, const float* a, dnnl::memory::dim lda, const float* b,
          dnnl::memory::dim ldb, float beta, float* c, dnnl::memory::dim ldc) {
  const dnnl::status status =
      dnnl::sgemm(transpose_a, transpose_b, m, n, k, 1.0F, a, lda, b, ldb, beta, c, ldc);
  if (status != dnnl::status::success) {
    throw Error(concat("oneDNN sgemm ", m, "x", n, "x", k, " failed with status ",
                       static_cast<int>(status)));
  }
}

bool hasIsa(dnnl::cpu_isa wanted) {
  // Instruction sets are numbered so that a better one has all the bits of those it includes.
  const auto has = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto bits = static_cast<unsigned>(wanted);
  return (has & bits) == bits;
}

int channelsPerBlock() {
  return hasIsa(dnnl::cpu_isa::avx512_core) ? 16 : 8;
}

bool hasFastBf16() {
  return hasIsa(dnnl::cpu_isa::avx512_core_bf16);
}

}  // namespace sphereface::onednn
