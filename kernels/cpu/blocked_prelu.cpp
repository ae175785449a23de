// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/blocked_prelu.h"

#include <cmath>
#include <cstring>
#include <type_traits>

#include "base/target_clones.h"

namespace sphereface {
namespace {

constexpr int kPixelsPerWord = 32;

/// One block of channels as a vector of the compiler's, which splits it where registers are
/// narrower.
template <int Lanes>
struct Vector;
template <>
struct Vector<8> {
  using Float = float __attribute__((vector_size(32)));
  using Word = uint32_t __attribute__((vector_size(32)));
  using Half = uint16_t __attribute__((vector_size(16)));
};
template <>
struct Vector<16> {
  using Float = float __attribute__((vector_size(64)));
  using Word = uint32_t __attribute__((vector_size(64)));
  using Half = uint16_t __attribute__((vector_size(32)));
};

template <class V, class T>
[[gnu::always_inline]] inline V loadAs(const T* from) {
  V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <int Lanes>
[[gnu::always_inline]] inline typename Vector<Lanes>::Float load(const float* from) {
  return loadAs<typename Vector<Lanes>::Float>(from);
}
template <int Lanes>
[[gnu::always_inline]] inline typename Vector<Lanes>::Float load(const Bf16* from) {
  using V = Vector<Lanes>;
  const auto half = loadAs<typename V::Half>(from);
  const typename V::Word word = __builtin_convertvector(half, typename V::Word) << 16;
  return loadAs<typename V::Float>(&word);
}

template <int Lanes>
[[gnu::always_inline]] inline void store(float* to, typename Vector<Lanes>::Float value) {
  std::memcpy(to, &value, sizeof value);
}
/// Rounds as storeFloat does.
template <int Lanes>
[[gnu::always_inline]] inline void store(Bf16* to, typename Vector<Lanes>::Float value) {
  using V = Vector<Lanes>;
  const auto word = loadAs<typename V::Word>(&value);
  const typename V::Word rounded = (word + 0x7fffU + ((word >> 16) & 1U)) >> 16;
  const auto half = __builtin_convertvector(rounded, typename V::Half);
  std::memcpy(to, &half, sizeof half);
}

float usableSlope(float slope) {
  constexpr float kSmallest = 1e-12F;
  return std::fabs(slope) < kSmallest ? kSmallest : slope;
}

template <class T, int Lanes, bool Signs>
[[gnu::always_inline]] inline void inPlaceBlock(T* values, const float* slopes, uint32_t* signs,
                                                int pixels) {
  using V = Vector<Lanes>;
  const auto slope = load<Lanes>(slopes);
  for (int first = 0; first < pixels; first += kPixelsPerWord) {
    const int count = pixels - first < kPixelsPerWord ? pixels - first : kPixelsPerWord;
    typename V::Word word = {};
    for (int p = 0; p < count; ++p) {
      T* at = values + static_cast<ptrdiff_t>(first + p) * Lanes;
      const auto x = load<Lanes>(at);
      const auto positive = x > 0;
      store<Lanes>(at, positive ? x : slope * x);
      if constexpr (Signs) {
        word |= loadAs<typename V::Word>(&positive) & (1U << static_cast<unsigned>(p));
      }
    }
    if constexpr (Signs) {
      std::memcpy(signs + static_cast<ptrdiff_t>(first / kPixelsPerWord) * Lanes, &word,
                  sizeof word);
    }
  }
}

template <class T, int Lanes>
[[gnu::always_inline]] inline void residualBlock(const T* pre, const float* slopes, const T* skip,
                                                 T* out, int pixels) {
  const auto slope = load<Lanes>(slopes);
  for (ptrdiff_t at = 0; at < static_cast<ptrdiff_t>(pixels) * Lanes; at += Lanes) {
    const auto x = load<Lanes>(pre + at);
    store<Lanes>(out + at, (x > 0 ? x : slope * x) + load<Lanes>(skip + at));
  }
}

template <class T, int Lanes, bool Signs, bool Branch>
[[gnu::always_inline]] inline void backwardBlock(const T* values, const uint32_t* signs,
                                                 const float* slopes, const T* grad, T* branch,
                                                 T* dpre, float* dslope, int pixels) {
  using V = Vector<Lanes>;
  const auto slope = load<Lanes>(slopes);
  const typename V::Float zero = {};
  typename V::Float sum = {};
  for (int first = 0; first < pixels; first += kPixelsPerWord) {
    const int count = pixels - first < kPixelsPerWord ? pixels - first : kPixelsPerWord;
    typename V::Word word = {};
    if constexpr (Signs) {
      word =
          loadAs<typename V::Word>(signs + static_cast<ptrdiff_t>(first / kPixelsPerWord) * Lanes);
    }
    for (int p = 0; p < count; ++p) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(first + p) * Lanes;
      const auto x = load<Lanes>(values + at);
      auto g = load<Lanes>(grad + at);
      if constexpr (Branch) {
        g += load<Lanes>(branch + at);
        if constexpr (!Signs) store<Lanes>(branch + at, g);
      }
      if constexpr (Signs) {
        const auto positive = (word & (1U << static_cast<unsigned>(p))) != 0;
        sum += positive ? zero : x * g;
        store<Lanes>(dpre + at, positive ? g : slope * g);
      } else {
        sum += x > 0 ? zero : x * g;
        store<Lanes>(dpre + at, x > 0 ? g : slope * g);
      }
    }
  }
  if constexpr (Signs) sum /= slope;  // x was the output
  store<Lanes>(dslope, sum);
}

// One copy for each instruction set; the blocks above are inlined into them.

template <class T, int Lanes>
[[gnu::always_inline]] inline void inPlaceAny(T* values, const float* slope, uint32_t* signs,
                                              int pixels) {
  if (signs != nullptr) {
    inPlaceBlock<T, Lanes, true>(values, slope, signs, pixels);
  } else {
    inPlaceBlock<T, Lanes, false>(values, slope, signs, pixels);
  }
}

template <class T, int Lanes>
[[gnu::always_inline]] inline void backwardAny(const T* values, const uint32_t* signs,
                                               const float* slope, const T* grad, T* branch,
                                               T* dpre, float* dslope, int pixels) {
  if (signs != nullptr && branch != nullptr) {
    backwardBlock<T, Lanes, true, true>(values, signs, slope, grad, branch, dpre, dslope, pixels);
  } else if (signs != nullptr) {
    backwardBlock<T, Lanes, true, false>(values, signs, slope, grad, branch, dpre, dslope, pixels);
  } else if (branch != nullptr) {
    backwardBlock<T, Lanes, false, true>(values, signs, slope, grad, branch, dpre, dslope, pixels);
  } else {
    backwardBlock<T, Lanes, false, false>(values, signs, slope, grad, branch, dpre, dslope, pixels);
  }
}

// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define SPHEREFACE_PRELU(T, Lanes)                                                                \
  SPHEREFACE_TARGET_CLONES void inPlace(T* values, const float* slope, uint32_t* signs,           \
                                        int pixels, std::integral_constant<int, Lanes>) {         \
    inPlaceAny<T, Lanes>(values, slope, signs, pixels);                                           \
  }                                                                                               \
  SPHEREFACE_TARGET_CLONES void residual(const T* pre, const float* slope, const T* skip, T* out, \
                                         int pixels, std::integral_constant<int, Lanes>) {        \
    residualBlock<T, Lanes>(pre, slope, skip, out, pixels);                                       \
  }                                                                                               \
  SPHEREFACE_TARGET_CLONES void backward(                                                         \
      const T* values, const uint32_t* signs, const float* slope, const T* grad, T* branch,       \
      T* dpre, float* dslope, int pixels, std::integral_constant<int, Lanes>) {                   \
    backwardAny<T, Lanes>(values, signs, slope, grad, branch, dpre, dslope, pixels);              \
  }
// NOLINTEND(bugprone-macro-parentheses)
SPHEREFACE_PRELU(float, 8)
SPHEREFACE_PRELU(float, 16)
SPHEREFACE_PRELU(Bf16, 8)
SPHEREFACE_PRELU(Bf16, 16)
#undef SPHEREFACE_PRELU

/// A block of channels of one image.
struct Block {
  ptrdiff_t at;       // its elements in a tensor
  ptrdiff_t channel;  // its first channel among the padded ones
  ptrdiff_t sums;     // in [images, paddedChannels()]
  ptrdiff_t signs;    // in the sign words
};

template <class Function>
void forEachBlock(const BlockedShape& shape, const Function& function) {
  const ptrdiff_t lanes = shape.channels_per_block;
  const ptrdiff_t words = (shape.pixels + kPixelsPerWord - 1) / kPixelsPerWord;
#pragma omp parallel for
  for (int i = 0; i < shape.images * shape.blocks; ++i) {
    const Block block = {i * lanes * shape.pixels, i % shape.blocks * lanes, i * lanes,
                         i * lanes * words};
    if (lanes == 16) {
      function(block, std::integral_constant<int, 16>{});
    } else {
      function(block, std::integral_constant<int, 8>{});
    }
  }
}

}  // namespace

template <class T>
void preluInPlace(const BlockedShape& shape, T* values, const float* slope, uint32_t* signs) {
  forEachBlock(shape, [&](const Block& block, auto lanes) {
    float usable[16];
    for (int k = 0; k < lanes; ++k)
      usable[k] = usableSlope(slope[block.channel + k]);
    inPlace(values + block.at, usable, signs == nullptr ? nullptr : signs + block.signs,
            shape.pixels, lanes);
  });
}

template <class T>
void preluResidual(const BlockedShape& shape, const T* pre, const float* slope, const T* skip,
                   T* out) {
  forEachBlock(shape, [&](const Block& block, auto lanes) {
    residual(pre + block.at, slope + block.channel, skip + block.at, out + block.at, shape.pixels,
             lanes);
  });
}

template <class T>
void preluBackward(const BlockedShape& shape, const PreluState<T>& state, const float* slope,
                   const T* grad, T* branch, T* dpre, float* dslope) {
  forEachBlock(shape, [&](const Block& block, auto lanes) {
    float usable[16];
    for (int k = 0; k < lanes; ++k) {
      const float given = slope[block.channel + k];
      usable[k] = state.signs == nullptr ? given : usableSlope(given);
    }
    backward(state.values + block.at, state.signs == nullptr ? nullptr : state.signs + block.signs,
             usable, grad + block.at, branch == nullptr ? nullptr : branch + block.at,
             dpre + block.at, dslope + block.sums, shape.pixels, lanes);
  });
}

template void preluInPlace(const BlockedShape&, float*, const float*, uint32_t*);
template void preluInPlace(const BlockedShape&, Bf16*, const float*, uint32_t*);
template void preluResidual(const BlockedShape&, const float*, const float*, const float*, float*);
template void preluResidual(const BlockedShape&, const Bf16*, const float*, const Bf16*, Bf16*);
template void preluBackward(const BlockedShape&, const PreluState<float>&, const float*,
                            const float*, float*, float*, float*);
template void preluBackward(const BlockedShape&, const PreluState<Bf16>&, const float*, const Bf16*,
                            Bf16*, Bf16*, float*);

}  // namespace sphereface
