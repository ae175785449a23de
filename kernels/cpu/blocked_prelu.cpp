// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/blocked_prelu.h"

#include <cstddef>
#include <type_traits>

#include "base/target_clones.h"

namespace sphereface {
namespace {

template <class T, int Lanes, bool Skip>
[[gnu::always_inline]] inline void forwardBlock(const T* pre, const float* slope, const T* skip,
                                                T* out, int pixels) {
  for (int p = 0; p < pixels; ++p) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(p) * Lanes;
    for (int k = 0; k < Lanes; ++k) {
      const float x = toFloat(pre[at + k]);
      float y = x > 0 ? x : slope[k] * x;
      if constexpr (Skip) y += toFloat(skip[at + k]);
      storeFloat(out[at + k], y);
    }
  }
}

template <class T, int Lanes, bool Skip, bool Total>
[[gnu::always_inline]] inline void backwardBlock(const T* pre, const float* slope, const T* grad,
                                                 const T* skip_grad, T* dpre, T* total,
                                                 float* dslope, int pixels) {
  float sum[Lanes] = {};
  for (int p = 0; p < pixels; ++p) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(p) * Lanes;
    for (int k = 0; k < Lanes; ++k) {
      const float x = toFloat(pre[at + k]);
      float g = toFloat(grad[at + k]);
      if constexpr (Skip) g += toFloat(skip_grad[at + k]);
      if constexpr (Total) storeFloat(total[at + k], g);
      const float negative = x > 0 ? 0.0F : x;
      sum[k] += negative * g;
      storeFloat(dpre[at + k], x > 0 ? g : slope[k] * g);
    }
  }
  for (int k = 0; k < Lanes; ++k)
    dslope[k] = sum[k];
}

// One copy for each instruction set; the loops above are inlined into them.

template <class T, int Lanes>
[[gnu::always_inline]] inline void forwardAny(const T* pre, const float* slope, const T* skip,
                                              T* out, int pixels) {
  if (skip != nullptr) {
    forwardBlock<T, Lanes, true>(pre, slope, skip, out, pixels);
  } else {
    forwardBlock<T, Lanes, false>(pre, slope, skip, out, pixels);
  }
}

template <class T, int Lanes>
[[gnu::always_inline]] inline void backwardAny(const T* pre, const float* slope, const T* grad,
                                               const T* skip_grad, T* dpre, T* total, float* dslope,
                                               int pixels) {
  if (skip_grad != nullptr && total != nullptr) {
    backwardBlock<T, Lanes, true, true>(pre, slope, grad, skip_grad, dpre, total, dslope, pixels);
  } else if (skip_grad != nullptr) {
    backwardBlock<T, Lanes, true, false>(pre, slope, grad, skip_grad, dpre, total, dslope, pixels);
  } else if (total != nullptr) {
    backwardBlock<T, Lanes, false, true>(pre, slope, grad, skip_grad, dpre, total, dslope, pixels);
  } else {
    backwardBlock<T, Lanes, false, false>(pre, slope, grad, skip_grad, dpre, total, dslope, pixels);
  }
}

// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define SPHEREFACE_PRELU(T, Lanes)                                                                 \
  SPHEREFACE_TARGET_CLONES void forward##T##Lanes(const T* pre, const float* slope, const T* skip, \
                                                  T* out, int pixels) {                            \
    forwardAny<T, Lanes>(pre, slope, skip, out, pixels);                                           \
  }                                                                                                \
  SPHEREFACE_TARGET_CLONES void backward##T##Lanes(const T* pre, const float* slope,               \
                                                   const T* grad, const T* skip_grad, T* dpre,     \
                                                   T* total, float* dslope, int pixels) {          \
    backwardAny<T, Lanes>(pre, slope, grad, skip_grad, dpre, total, dslope, pixels);               \
  }
// NOLINTEND(bugprone-macro-parentheses)
SPHEREFACE_PRELU(float, 8)
SPHEREFACE_PRELU(float, 16)
SPHEREFACE_PRELU(Bf16, 8)
SPHEREFACE_PRELU(Bf16, 16)
#undef SPHEREFACE_PRELU

}  // namespace

template <class T>
void preluForward(const BlockedShape& shape, const T* pre, const float* slope, const T* skip,
                  T* out) {
  const int lanes = shape.channels_per_block;
  const ptrdiff_t stride = static_cast<ptrdiff_t>(shape.pixels) * lanes;
#pragma omp parallel for
  for (int i = 0; i < shape.images * shape.blocks; ++i) {
    const ptrdiff_t at = i * stride;
    const float* a = slope + static_cast<ptrdiff_t>(i % shape.blocks) * lanes;
    const T* s = skip == nullptr ? nullptr : skip + at;
    if constexpr (std::is_same_v<T, float>) {
      (lanes == 16 ? forwardfloat16 : forwardfloat8)(pre + at, a, s, out + at, shape.pixels);
    } else {
      (lanes == 16 ? forwardBf1616 : forwardBf168)(pre + at, a, s, out + at, shape.pixels);
    }
  }
}

template <class T>
void preluBackward(const BlockedShape& shape, const T* pre, const float* slope, const T* grad,
                   const T* skip_grad, T* dpre, T* total, float* dslope) {
  const int lanes = shape.channels_per_block;
  const ptrdiff_t stride = static_cast<ptrdiff_t>(shape.pixels) * lanes;
#pragma omp parallel for
  for (int i = 0; i < shape.images * shape.blocks; ++i) {
    const ptrdiff_t at = i * stride;
    const float* a = slope + static_cast<ptrdiff_t>(i % shape.blocks) * lanes;
    const T* s = skip_grad == nullptr ? nullptr : skip_grad + at;
    T* t = total == nullptr ? nullptr : total + at;
    float* d = dslope + static_cast<ptrdiff_t>(i) * lanes;
    if constexpr (std::is_same_v<T, float>) {
      (lanes == 16 ? backwardfloat16 : backwardfloat8)(pre + at, a, grad + at, s, dpre + at, t, d,
                                                       shape.pixels);
    } else {
      (lanes == 16 ? backwardBf1616 : backwardBf168)(pre + at, a, grad + at, s, dpre + at, t, d,
                                                     shape.pixels);
    }
  }
}

template void preluForward(const BlockedShape&, const float*, const float*, const float*, float*);
template void preluForward(const BlockedShape&, const Bf16*, const float*, const Bf16*, Bf16*);
template void preluBackward(const BlockedShape&, const float*, const float*, const float*,
                            const float*, float*, float*, float*);
template void preluBackward(const BlockedShape&, const Bf16*, const float*, const Bf16*,
                            const Bf16*, Bf16*, Bf16*, float*);

}  // namespace sphereface
