// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

#include "base/aligned_buffer.h"
#include "base/parallel.h"
#include "evaluation/scorer.h"

namespace sphereface {

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
