// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// PReLU with a slope per channel, with the residual addition, as one pass over memory in oneDNN's
// blocked layouts: [image][channel block][pixel][channel within the block]. Bound by memory:
// forward reads 1-2 and writes 1 tensor, backward reads 2-3 and writes 1-2.

#pragma once

#include "kernels/cpu/bf16.h"

namespace sphereface {

struct BlockedShape {
  int images = 0;
  int blocks = 0;  // channel blocks, the last one padded with zeros
  int pixels = 0;
  int channels_per_block = 0;  // 8 or 16

  int paddedChannels() const { return blocks * channels_per_block; }
};

/// out = (pre > 0 ? pre : slope * pre) + skip. `skip` may be null; `out` may be `pre`.
/// slope [paddedChannels()].
template <class T>
void preluForward(const BlockedShape& shape, const T* pre, const float* slope, const T* skip,
                  T* out);

/// With g = grad (+ skip_grad, if not null):
///   dpre = pre > 0 ? g : slope * g
///   dslope[image][channel] = sum over pixels of (pre > 0 ? 0 : pre * g)
///   total = g, if not null (a residual branch needs it later); may be skip_grad.
/// `dpre` may be `grad`. dslope [images, paddedChannels()], overwritten: the caller adds the images
/// in a fixed order, so that the result doesn't depend on the number of threads.
template <class T>
void preluBackward(const BlockedShape& shape, const T* pre, const float* slope, const T* grad,
                   const T* skip_grad, T* dpre, T* total, float* dslope);

}  // namespace sphereface
