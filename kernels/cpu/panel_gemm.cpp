// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Compiled with multiply-adds contracted (kernels/CMakeLists.txt).

#include "kernels/cpu/panel_gemm.h"

#include <algorithm>

#include "base/target_clones.h"

namespace sphereface {
namespace {

#define SPHEREFACE_INLINE inline __attribute__((always_inline))

template <int kLanes>
struct VectorOf {
  // Any alignment: rows of a matrix of odd width begin anywhere.
  typedef float Type
      __attribute__((vector_size(kLanes * sizeof(float)), aligned(sizeof(float)), may_alias));
};
template <>
struct VectorOf<1> {
  using Type = float;
};

constexpr int kCacheLine = 16;  // in floats

/// kRows x (kVectors * kLanes) elements of C, kept in registers over the whole depth.
template <int kLanes, int kVectors, int kRows>
SPHEREFACE_INLINE void tile(const PanelGemm& g, const float* a, const float* b, float* c,
                            const float* prefetch) {
  using Vector = typename VectorOf<kLanes>::Type;
  Vector sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = Vector{};
      if (g.accumulate) {
        sum[r][v] = *reinterpret_cast<const Vector*>(c + r * g.c_row + v * kLanes);
      }
    }
  }
  // C is on its way while the sums are made.
  for (int r = 0; r < kRows; ++r) {
    for (int q = 0; q < kVectors * kLanes; q += kCacheLine)
      __builtin_prefetch(c + r * g.c_row + q, 1, 3);
  }
  for (int k0 = 0; k0 < g.depth; k0 += kCacheLine) {
    if (prefetch != nullptr) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
        __builtin_prefetch(prefetch + r * g.prefetch_row + k0, 0, 2);
    }
    const int end = std::min(k0 + kCacheLine, g.depth);
    for (int k = k0; k < end; ++k) {
      Vector row[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        row[v] = *reinterpret_cast<const Vector*>(b + k * g.b_depth + v * kLanes);
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const float factor = a[r * g.a_row + k * g.a_depth];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v)
          sum[r][v] += factor * row[v];
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      *reinterpret_cast<Vector*>(c + r * g.c_row + v * kLanes) = sum[r][v];
    }
  }
}

/// All rows of the kVectors * kLanes columns from `column` on.
template <int kLanes, int kVectors, int kRows>
SPHEREFACE_INLINE void strip(const PanelGemm& g, int first_row, int column) {
  const float* const b = g.b + column / PanelGemm::kPanel * g.b_panel + column % PanelGemm::kPanel;
  int r = first_row;
  for (; r + kRows <= g.rows; r += kRows) {
    const float* const prefetch =
        g.prefetch == nullptr ? nullptr : g.prefetch + r * g.prefetch_row + column;
    tile<kLanes, kVectors, kRows>(g, g.a + r * g.a_row, b, g.c + r * g.c_row + column, prefetch);
  }
  if constexpr (kRows > 1) {
    if (r < g.rows) strip<kLanes, kVectors, kRows / 2>(g, r, column);
  }
}

template <int kLanes, int kVectors>
SPHEREFACE_INLINE void multiply(const PanelGemm& g) {
  constexpr int kRows = 6;
  constexpr int kWide = kVectors * kLanes;
  static_assert(PanelGemm::kPanel % kWide == 0);
  for (int panel = 0; panel < g.columns; panel += PanelGemm::kPanel) {
    const int end = std::min(panel + PanelGemm::kPanel, g.columns);
    int column = panel;
    for (; column + kWide <= end; column += kWide)
      strip<kLanes, kVectors, kRows>(g, 0, column);
    for (; column + kLanes <= end; column += kLanes)
      strip<kLanes, 1, kRows>(g, 0, column);
    for (; column < end; ++column)
      strip<1, 1, kRows>(g, 0, column);
  }
}

// The tile fills the vector registers: 32 of 16 floats, 16 of 8, or 16 of 4.
#ifdef SPHEREFACE_HAS_TARGET_CLONES
__attribute__((target("arch=x86-64-v4"))) void multiplyV4(const PanelGemm& g) {
  multiply<16, 4>(g);
}

__attribute__((target("arch=x86-64-v3"))) void multiplyV3(const PanelGemm& g) {
  multiply<8, 2>(g);
}
#endif

}  // namespace

void panelGemm(const PanelGemm& gemm) {
#ifdef SPHEREFACE_HAS_TARGET_CLONES
  if (__builtin_cpu_supports("x86-64-v4")) return multiplyV4(gemm);
  if (__builtin_cpu_supports("x86-64-v3")) return multiplyV3(gemm);
#endif
  multiply<4, 2>(gemm);
}

}  // namespace sphereface
