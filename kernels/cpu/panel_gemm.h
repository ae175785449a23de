// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Matrix product for a block that lies in cache: C = A B or C += A B on the calling thread, without
// packing and without memory of its own. Elements of A are broadcast, rows of B are read as
// vectors, so A may be transposed for free and B and C are wanted with their columns side by side.
//
// Each element of C is one chain of multiply-adds over the depth, in order: the result depends on
// the instruction set (whether they are fused), not on how the work is cut or threaded.

#pragma once

#include <cstddef>

namespace sphereface {

struct PanelGemm {
  /// Columns of a panel of B.
  static constexpr int kPanel = 64;

  int rows = 0;
  int columns = 0;
  int depth = 0;
  // A(r, k) = a[r * a_row + k * a_depth]
  const float* a = nullptr;
  ptrdiff_t a_row = 0;
  ptrdiff_t a_depth = 0;
  // B(k, kPanel p + q) = b[p * b_panel + k * b_depth + q]
  const float* b = nullptr;
  ptrdiff_t b_panel = 0;
  ptrdiff_t b_depth = 0;
  // C(r, q) = c[r * c_row + q]
  float* c = nullptr;
  ptrdiff_t c_row = 0;
  bool accumulate = false;
  // A matrix of as many rows, [rows, >= depth or columns], that the caller uses next and that is
  // brought near meanwhile; null: none.
  const float* prefetch = nullptr;
  ptrdiff_t prefetch_row = 0;
};

void panelGemm(const PanelGemm& gemm);

}  // namespace sphereface
