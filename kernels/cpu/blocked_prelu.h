// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// PReLU with a slope per channel, with the residual addition, as one pass over memory in oneDNN's
// blocked layouts: [image][channel block][pixel][channel within the block]. Bound by memory.
//
// A layer without a residual works in place. Backward finds the input again from the output, as
// post where it was positive and post / slope elsewhere; one bit an element says which (the
// output's sign doesn't, once a slope is negative). A slope of 0 would lose the input, so
// |slope| < 1e-12 is taken as 1e-12.

#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/bf16.h"

namespace sphereface {

struct BlockedShape {
  int images = 0;
  int blocks = 0;  // channel blocks, the last one padded with zeros
  int pixels = 0;
  int channels_per_block = 0;  // 8 or 16

  int paddedChannels() const { return blocks * channels_per_block; }
  /// Words that hold a bit for each element: [image][block][32 pixels][channel within the block].
  size_t signWords() const {
    return static_cast<size_t>(images) * static_cast<size_t>(paddedChannels()) *
           static_cast<size_t>((pixels + 31) / 32);
  }
};

/// values = values > 0 ? values : slope * values, in place.
/// slope [paddedChannels()]; signs [signWords()], which values were positive; may be null.
template <class T>
void preluInPlace(const BlockedShape& shape, T* values, const float* slope, uint32_t* signs);

/// out = (pre > 0 ? pre : slope * pre) + skip. `out` may be `pre`.
template <class T>
void preluResidual(const BlockedShape& shape, const T* pre, const float* slope, const T* skip,
                   T* out);

/// What a pass left for its backward: either `signs` with the output of preluInPlace in `values`,
/// or null with the input of preluResidual in `values`.
template <class T>
struct PreluState {
  const T* values = nullptr;
  const uint32_t* signs = nullptr;
};

/// With g = grad, or, if `branch` is not null, grad + branch:
///   dpre = pre > 0 ? g : slope * g
///   dslope[image][channel] = sum over pixels of (pre > 0 ? 0 : pre * g)
///   branch = g, when it is given and the state is a residual layer's (its skip needs g later).
/// `dpre` may be `grad`. dslope [images, paddedChannels()], overwritten: the caller adds the images
/// in a fixed order, so that the result doesn't depend on the number of threads.
template <class T>
void preluBackward(const BlockedShape& shape, const PreluState<T>& state, const float* slope,
                   const T* grad, T* branch, T* dpre, float* dslope);

}  // namespace sphereface
