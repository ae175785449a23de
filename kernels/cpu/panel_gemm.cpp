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
SPHEREFACE_INLINE void tile(const PanelGemm& g, const float* a, const float* b, float* c) {
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
  const bool prefetch = g.prefetch_next_rows;
  const float* const next = a + g.rows * g.a_row;
  for (int k0 = 0; k0 < g.depth; k0 += kCacheLine) {
    if (prefetch) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
        __builtin_prefetch(next + r * g.a_row + k0, 0, 2);
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

/// All rows of a strip of kVectors * kLanes columns.
template <int kLanes, int kVectors, int kRows>
SPHEREFACE_INLINE void strip(const PanelGemm& g, int first_row, const float* b, float* c) {
  int r = first_row;
  for (; r + kRows <= g.rows; r += kRows) {
    tile<kLanes, kVectors, kRows>(g, g.a + r * g.a_row, b, c + r * g.c_row);
  }
  if constexpr (kRows > 1) {
    if (r < g.rows) strip<kLanes, kVectors, kRows / 2>(g, r, b, c);
  }
}

template <int kLanes, int kVectors>
SPHEREFACE_INLINE void multiply(const PanelGemm& g) {
  constexpr int kRows = 6;
  constexpr int kWide = kVectors * kLanes;
  static_assert(PanelGemm::kPanel % kWide == 0);
  for (int panel = 0; panel < g.columns; panel += PanelGemm::kPanel) {
    const float* const b = g.b + panel / PanelGemm::kPanel * g.b_panel;
    const int width = std::min(PanelGemm::kPanel, g.columns - panel);
    int q = 0;
    for (; q + kWide <= width; q += kWide)
      strip<kLanes, kVectors, kRows>(g, 0, b + q, g.c + panel + q);
    for (; q + kLanes <= width; q += kLanes)
      strip<kLanes, 1, kRows>(g, 0, b + q, g.c + panel + q);
    for (; q < width; ++q)
      strip<1, 1, kRows>(g, 0, b + q, g.c + panel + q);
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
