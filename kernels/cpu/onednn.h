// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The few oneDNN calls the engine needs, the same for oneDNN 2.x (Debian 12) and 3.x (Debian 13),
// whose interfaces differ in how a primitive is described.

#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <utility>
#include <vector>

namespace sphereface::onednn {

/// A primitive with the memory it works on, tied together once so that running it allocates nothing
/// here.
class Call {
 public:
  Call() = default;
  Call(dnnl::primitive primitive, const std::vector<std::pair<int, dnnl::memory>>& arguments);

  explicit operator bool() const { return !arguments_.empty(); }
  /// Runs to the end.
  void operator()(const dnnl::stream& stream) const;

 private:
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;  // keeps what arguments_ points to
  std::vector<dnnl_exec_arg_t> arguments_;
};

dnnl::memory::dims dimsOf(const dnnl::memory::desc& desc);
dnnl::memory::data_type typeOf(const dnnl::memory::desc& desc);

/// A 3x3 convolution with padding 1. `src`, `dst` have fixed layouts; weights may be `any`. The
/// primitives below leave their scratchpad to the caller (primitive_desc::scratchpad_desc), and
/// throw dnnl::error when oneDNN has no such algorithm for the shape.
struct ConvDescription {
  dnnl::memory::desc src;
  dnnl::memory::desc weights;
  dnnl::memory::desc dst;
  dnnl::memory::dim stride = 1;
  // convolution_direct or convolution_winograd
  dnnl::algorithm algorithm = dnnl::algorithm::convolution_direct;

  dnnl::memory::dims strides() const { return {stride, stride}; }
  /// Rows and columns of padding oneDNN has to know of at the far side.
  dnnl::memory::dims farPadding() const;
};

dnnl::convolution_forward::primitive_desc convForward(const dnnl::engine& engine,
                                                      const ConvDescription& conv,
                                                      const dnnl::memory::desc& bias,
                                                      bool training);

dnnl::convolution_backward_data::primitive_desc convBackwardData(
    const dnnl::engine& engine, const ConvDescription& conv,
    const dnnl::convolution_forward::primitive_desc& forward);

/// `conv.weights` describes the weight gradient; a zero `bias` descriptor leaves its gradient out.
dnnl::convolution_backward_weights::primitive_desc convBackwardWeights(
    const dnnl::engine& engine, const ConvDescription& conv, const dnnl::memory::desc& bias,
    const dnnl::convolution_forward::primitive_desc& forward);

/// c = a b. `b` may have the layout `any`.
dnnl::matmul::primitive_desc matrixProduct(const dnnl::engine& engine, const dnnl::memory::desc& a,
                                           const dnnl::memory::desc& b,
                                           const dnnl::memory::desc& c);

/// C [m,n] = op(A) op(B) + beta C, row-major fp32; 'T' transposes.
void gemm(char transpose_a, char transpose_b, dnnl::memory::dim m, dnnl::memory::dim n,
          dnnl::memory::dim k, const float* a, dnnl::memory::dim lda, const float* b,
          dnnl::memory::dim ldb, float beta, float* c, dnnl::memory::dim ldc);

/// True where oneDNN uses this instruction set or one that includes it.
bool hasIsa(dnnl::cpu_isa wanted);

/// Channels in a block of the layout that suits this processor: 16 with AVX-512, otherwise 8.
int channelsPerBlock();

/// True where bfloat16 convolutions run in hardware (AVX512-BF16, AMX).
bool hasFastBf16();

}  // namespace sphereface::onednn
