// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/small_network.h"

#include <algorithm>

namespace sphereface {
namespace {

/// Rows are multiples of this many floats: the widest register used (AVX-512).
constexpr size_t kRowMultiple = 16;

/// Outputs first .. first+kOutputs-1 of all pixels.
template <size_t kWidth, int kOutputs>
[[gnu::always_inline]] inline void convolveBlock(const ConvolutionLayer& layer, int first,
                                                 const FeatureMap& in, FeatureMap& out) {
  // One register, from any address.
  typedef float Vector __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));
  const size_t outputs = static_cast<size_t>(layer.outputs);
  for (int y = 0; y < out.height(); ++y) {
    for (size_t x = 0; x < out.rowStride(); x += kWidth) {
      Vector sum[kOutputs];
      for (int o = 0; o < kOutputs; ++o)
        sum[o] = Vector{} + layer.bias[first + o];
      const float* weights = layer.weights.data() + first;
      for (int c = 0; c < layer.inputs; ++c) {
        for (int ky = 0; ky < layer.kernel; ++ky) {
          const float* source = in.row(c, y + ky) + x;
          for (int kx = 0; kx < layer.kernel; ++kx) {
            const Vector value = *reinterpret_cast<const Vector*>(source);
            for (int o = 0; o < kOutputs; ++o)
              sum[o] += value * weights[o];
            source += in.lanes();
            weights += outputs;
          }
        }
      }
      for (int o = 0; o < kOutputs; ++o) {
        const Vector scaled = sum[o] * layer.slope[first + o];
        *reinterpret_cast<Vector*>(out.row(first + o, y) + x) = sum[o] > 0 ? sum[o] : scaled;
      }
    }
  }
}

/// convolveBlock<kWidth, outputs>, for a count known only at run time.
template <size_t kWidth, int kMost>
[[gnu::always_inline]] inline void convolveUpTo(int outputs, const ConvolutionLayer& layer,
                                                int first, const FeatureMap& in, FeatureMap& out) {
  if (outputs == kMost) {
    convolveBlock<kWidth, kMost>(layer, first, in, out);
  } else if constexpr (kMost > 1) {
    convolveUpTo<kWidth, kMost - 1>(outputs, layer, first, in, out);
  }
}

/// kWidth floats fill a register of the processor; kMost sums and a few values have to fit into its
/// registers.
template <size_t kWidth, int kMost>
[[gnu::always_inline]] inline void convolveInBlocks(const ConvolutionLayer& layer,
                                                    const FeatureMap& in, FeatureMap& out) {
  const int blocks = (layer.outputs + kMost - 1) / kMost;
  const int block = (layer.outputs + blocks - 1) / blocks;
  for (int first = 0; first < layer.outputs; first += block) {
    convolveUpTo<kWidth, kMost>(std::min(block, layer.outputs - first), layer, first, in, out);
  }
}

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)

[[gnu::target("avx512f")]] void convolveAvx512(const ConvolutionLayer& layer, const FeatureMap& in,
                                               FeatureMap& out) {
  convolveInBlocks<16, 16>(layer, in, out);
}

[[gnu::target("avx2,fma")]] void convolveAvx2(const ConvolutionLayer& layer, const FeatureMap& in,
                                              FeatureMap& out) {
  convolveInBlocks<8, 12>(layer, in, out);
}

#endif

void convolveGeneric(const ConvolutionLayer& layer, const FeatureMap& in, FeatureMap& out) {
  convolveInBlocks<4, 12>(layer, in, out);
}

using Convolve = void (*)(const ConvolutionLayer&, const FeatureMap&, FeatureMap&);

void takeGreater(float* values, const float* others, size_t count) {
  for (size_t i = 0; i < count; ++i)
    values[i] = std::max(values[i], others[i]);
}

Convolve bestForThisProcessor() {
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return convolveAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return convolveAvx2;
#endif
  return convolveGeneric;
}

}  // namespace

void FeatureMap::reshape(int channels, int height, int width, int lanes) {
  channels_ = channels;
  height_ = height;
  width_ = width;
  lanes_ = lanes;
  const size_t values = static_cast<size_t>(width) * static_cast<size_t>(lanes);
  row_stride_ = (values + kRowMultiple - 1) / kRowMultiple * kRowMultiple;
  // One row more: the last vector of a row reads up to kernel-1 pixels past its end.
  const size_t count = offset(channels, 0) + row_stride_;
  if (values_.size() < count) values_.resize(count);
}

void convolve(const ConvolutionLayer& layer, const FeatureMap& in, FeatureMap& out) {
  static const Convolve best = bestForThisProcessor();
  out.reshape(layer.outputs, in.height() - layer.kernel + 1, in.width() - layer.kernel + 1,
              in.lanes());
  best(layer, in, out);
}

void maxPool(int size, int stride, const FeatureMap& in, FeatureMap& out) {
  const int lanes = in.lanes();
  out.reshape(in.channels(), (in.height() - size + stride - 1) / stride + 1,
              (in.width() - size + stride - 1) / stride + 1, lanes);
  std::vector<float> column_max(in.rowStride());
  for (int c = 0; c < in.channels(); ++c) {
    for (int y = 0; y < out.height(); ++y) {
      const int y_end = std::min(y * stride + size, in.height());
      const float* first = in.row(c, y * stride);
      std::copy(first, first + in.rowStride(), column_max.begin());
      for (int iy = y * stride + 1; iy < y_end; ++iy) {
        takeGreater(column_max.data(), in.row(c, iy), in.rowStride());
      }
      float* target = out.row(c, y);
      for (int x = 0; x < out.width(); ++x) {
        const int x_end = std::min(x * stride + size, in.width());
        const float* window = column_max.data() + x * stride * lanes;
        for (int lane = 0; lane < lanes; ++lane)
          target[lane] = window[lane];
        for (int ix = x * stride + 1; ix < x_end; ++ix) {
          window += lanes;
          for (int lane = 0; lane < lanes; ++lane)
            target[lane] = std::max(target[lane], window[lane]);
        }
        target += lanes;
      }
    }
  }
}

}  // namespace sphereface
