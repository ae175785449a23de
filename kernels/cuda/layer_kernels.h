// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The network's passes between its convolutions and matrix products, on the GPU. Activations are
// NHWC with channels in whole packs: [rows = images x pixels, padded channels], T float or Bf16.
// All run on `stream` and are bound by memory: each reads and writes every element once.

#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/channel_pack.h"

namespace sphereface {

/// images [batch, channels, pixels] bytes -> out [batch x pixels, one pack] (byte - mean) * scale.
/// requires: channels <= kPack.
template <class T>
void normalizeImages(const uint8_t* images, int batch, int channels, int pixels, float mean,
                     float scale, T* out, cudaStream_t stream);

struct ChannelShape {
  size_t rows = 0;
  int channels = 0;

  int padded() const { return paddedToPacks(channels); }
  size_t elements() const { return rows * static_cast<size_t>(padded()); }
};

/// out = prelu(z + bias), plus skip where it isn't null. `out` may be `z`.
/// bias, slope [channels].
template <class T>
void preluForward(const ChannelShape& shape, const T* z, const float* bias, const float* slope,
                  const T* skip, T* out, cudaStream_t stream);

/// Floats that preluBackward's sums over rows take meanwhile.
size_t preluBackwardScratch(const ChannelShape& shape);

/// Gradients of parameters, [channels]; d_bias may be null.
struct PreluGradients {
  float* d_slope = nullptr;
  float* d_bias = nullptr;
  bool accumulate = false;
};

/// With pre = z + bias and g = grad, or, if `branch` is not null, grad + branch:
///   dpre = pre > 0 ? g : slope g;  d_slope = sum of (pre > 0 ? 0 : pre g);  d_bias = sum of dpre
///   branch = g, with keep_branch
/// `dpre` may be `grad`. The sums' order depends on the shape alone.
template <class T>
void preluBackward(const ChannelShape& shape, const T* z, const float* bias, const float* slope,
                   const T* grad, T* branch, bool keep_branch, T* dpre,
                   const PreluGradients& gradients, float* scratch, cudaStream_t stream);

/// A weight tensor out x in x taps (rows x columns of a filter, or of an image for fc).
struct FilterShape {
  int out = 0;
  int in = 0;
  int taps = 0;

  size_t count() const {
    return static_cast<size_t>(out) * static_cast<size_t>(in) * static_cast<size_t>(taps);
  }
  /// Of the packed layout.
  size_t packedCount() const {
    return static_cast<size_t>(out) * static_cast<size_t>(taps) *
           static_cast<size_t>(paddedToPacks(in));
  }
};

/// [out, in, taps] -> [out, taps, padded in]; the padding stays as it is.
template <class T>
void packFilter(const FilterShape& shape, const float* plain, T* packed, cudaStream_t stream);

/// The way back, of a gradient: replacing or adding to what is there.
template <class T>
void unpackFilter(const FilterShape& shape, const T* packed, float* plain, bool accumulate,
                  cudaStream_t stream);

/// out [rows, padded columns] = in [rows, columns]; the padding stays as it is.
template <class T>
void convertRows(size_t rows, int columns, const float* in, T* out, cudaStream_t stream);

/// Every row of out [rows, columns] = row.
void fillRows(size_t rows, int columns, const float* row, float* out, cudaStream_t stream);

/// Floats that sumRows takes meanwhile.
size_t sumRowsScratch(size_t rows, int columns);
/// sum [columns] = (accumulate ? sum : 0) + the sum of the rows of in [rows, columns].
void sumRows(size_t rows, int columns, const float* in, bool accumulate, float* sum, float* scratch,
             cudaStream_t stream);

}  // namespace sphereface
