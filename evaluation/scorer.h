// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Scores of many features with many others in fp32, higher meaning more alike:
//
//   kCosine  of the features made unit vectors (their norms in double, the products in the order of
//            the dimensions as kernels/cpu/panel_gemm.h makes them);
//   kDevkit  minus the squared distance of the features as they are, with the MegaFace development
//            kit's arithmetic: each vector gets one more number, -(x.x) (summed in double, rounded
//            to fp32); score = 2 sum_i a_i b_i + (a_last + b_last), summed in fp32 in the order of
//            the dimensions, multiplications and additions rounded separately, the last two numbers
//            added to each other first. Bit by bit the kit's, so that ties are its ties.

#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/aligned_buffer.h"
#include "base/parallel.h"

namespace sphereface {

enum class Similarity { kCosine, kDevkit };

class Scorer {
 public:
  /// Features of a panel.
  static constexpr size_t kPanel = 64;

  Scorer(Similarity similarity, size_t dim) : similarity_(similarity), dim_(dim) {}

  size_t dim() const { return dim_; }
  /// Numbers of a prepared feature.
  size_t depth() const { return similarity_ == Similarity::kDevkit ? dim_ + 1 : dim_; }

  /// feature[dim] to prepared[depth].
  /// errors: Error naming `name` when the feature has no direction, or a norm beyond fp32.
  void prepare(std::span<const float> feature, const std::string& name, float* prepared) const;

  /// Lays prepared features, `count` <= kPanel of them, side by side: panel[depth][kPanel]. Columns
  /// beyond them are zeros.
  void pack(const float* prepared, size_t count, float* panel) const;

  /// out[r][c] = score of prepared feature r of `rows` with feature c of the panels, for
  /// c < kPanel * panels; rows of `out` are `out_stride` apart. On the calling thread.
  void score(const float* prepared, size_t rows, const float* panels, size_t panel_count,
             float* out, size_t out_stride) const;

 private:
  Similarity similarity_;
  size_t dim_;
};

/// Scores of prepared features, [n][depth], with each other, some rows at a time:
/// take(i, scores of feature i with all), from several threads, each i once.
template <class Take>
void scoreEachOther(const Scorer& scorer, std::span<const float> prepared, size_t threads,
                    const Take& take) {
  constexpr size_t kRows = 48;
  const size_t depth = scorer.depth();
  const size_t count = prepared.size() / depth;
  const size_t panel_count = (count + Scorer::kPanel - 1) / Scorer::kPanel;
  const size_t columns = panel_count * Scorer::kPanel;
  AlignedBuffer<float> panels(columns * depth);
  for (size_t begin = 0; begin < count; begin += Scorer::kPanel) {
    scorer.pack(prepared.data() + begin * depth, std::min(Scorer::kPanel, count - begin),
                panels.data() + begin * depth);
  }
  parallelFor((count + kRows - 1) / kRows, threads, [&](size_t task) {
    const size_t first = task * kRows;
    const size_t rows = std::min(kRows, count - first);
    const auto scores = std::make_unique_for_overwrite<float[]>(rows * columns);
    scorer.score(prepared.data() + first * depth, rows, panels.data(), panel_count, scores.get(),
                 columns);
    for (size_t r = 0; r < rows; ++r)
      take(first + r, std::span<const float>(scores.get() + r * columns, count));
  });
}

}  // namespace sphereface
