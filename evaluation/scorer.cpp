// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/scorer.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/error.h"
#include "base/target_clones.h"
#include "kernels/cpu/panel_gemm.h"

namespace sphereface {
namespace {

static_assert(Scorer::kPanel == PanelGemm::kPanel);

constexpr size_t kLanes = 16;
constexpr size_t kVectors = Scorer::kPanel / kLanes;
typedef float Vector
    __attribute__((vector_size(kLanes * sizeof(float)), aligned(sizeof(float)), may_alias));

/// kRows rows against one panel; the last of the depth numbers of each feature is -(x.x).
template <size_t kRows>
inline __attribute__((always_inline)) void devkitTile(const float* rows, size_t depth,
                                                      const float* panel, float* out,
                                                      size_t out_stride) {
  Vector sum[kRows][kVectors] = {};
  const size_t dim = depth - 1;
  for (size_t k = 0; k < dim; ++k) {
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) {
      const Vector column =
          *reinterpret_cast<const Vector*>(panel + k * Scorer::kPanel + v * kLanes);
#pragma GCC unroll 8
      for (size_t r = 0; r < kRows; ++r)
        sum[r][v] += rows[r * depth + k] * column;
    }
  }
#pragma GCC unroll 8
  for (size_t v = 0; v < kVectors; ++v) {
    const Vector last = *reinterpret_cast<const Vector*>(panel + dim * Scorer::kPanel + v * kLanes);
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) {
      *reinterpret_cast<Vector*>(out + r * out_stride + v * kLanes) =
          2.0F * sum[r][v] + (rows[r * depth + dim] + last);
    }
  }
}

SPHEREFACE_TARGET_CLONES
void devkitScores(const float* rows, size_t count, size_t depth, const float* panel, float* out,
                  size_t out_stride) {
  constexpr size_t kRows = 4;
  size_t r = 0;
  for (; r + kRows <= count; r += kRows)
    devkitTile<kRows>(rows + r * depth, depth, panel, out + r * out_stride, out_stride);
  for (; r < count; ++r)
    devkitTile<1>(rows + r * depth, depth, panel, out + r * out_stride, out_stride);
}

}  // namespace

void Scorer::prepare(std::span<const float> feature, const std::string& name,
                     float* prepared) const {
  double squares = 0;
  for (const float x : feature)
    squares += static_cast<double>(x) * static_cast<double>(x);
  if (similarity_ == Similarity::kDevkit) {
    std::copy(feature.begin(), feature.end(), prepared);
    prepared[dim_] = static_cast<float>(-squares);
    if (!std::isfinite(prepared[dim_])) {
      throw Error(concat(name, ": the square of the feature's norm is ", squares));
    }
    return;
  }
  if (squares == 0) throw Error(concat(name, ": the feature is zero and has no direction"));
  if (!std::isfinite(squares)) throw Error(concat(name, ": the feature is not finite"));
  const double inverse = 1 / std::sqrt(squares);
  for (size_t i = 0; i < dim_; ++i)
    prepared[i] = static_cast<float>(feature[i] * inverse);
}

void Scorer::pack(const float* prepared, size_t count, float* panel) const {
  constexpr size_t kCacheLine = 16;  // in floats: read once whole
  const size_t numbers = depth();
  for (size_t begin = 0; begin < numbers; begin += kCacheLine) {
    const size_t end = std::min(numbers, begin + kCacheLine);
    for (size_t q = 0; q < kPanel; ++q) {
      for (size_t k = begin; k < end; ++k)
        panel[k * kPanel + q] = q < count ? prepared[q * numbers + k] : 0.0F;
    }
  }
}

void Scorer::score(const float* prepared, size_t rows, const float* panels, size_t panel_count,
                   float* out, size_t out_stride) const {
  const size_t panel_floats = depth() * kPanel;
  if (similarity_ == Similarity::kDevkit) {
    for (size_t p = 0; p < panel_count; ++p) {
      devkitScores(prepared, rows, depth(), panels + p * panel_floats, out + p * kPanel,
                   out_stride);
    }
    return;
  }
  PanelGemm gemm;
  gemm.rows = static_cast<int>(rows);
  gemm.columns = static_cast<int>(panel_count * kPanel);
  gemm.depth = static_cast<int>(dim_);
  gemm.a = prepared;
  gemm.a_row = static_cast<ptrdiff_t>(dim_);
  gemm.a_depth = 1;
  gemm.b = panels;
  gemm.b_panel = static_cast<ptrdiff_t>(panel_floats);
  gemm.b_depth = kPanel;
  gemm.c = out;
  gemm.c_row = static_cast<ptrdiff_t>(out_stride);
  panelGemm(gemm);
}

}  // namespace sphereface
