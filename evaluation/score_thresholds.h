// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sphereface {

/// How many distractors score strictly higher with probe `row` than `threshold`?
struct CountQuery {
  size_t row = 0;
  float threshold = 0;
  uint64_t above = 0;  // the answer
};

/// What queries ask for, each threshold of a row once.
struct ScoreThresholds {
  ScoreThresholds(std::span<const CountQuery> queries, size_t rows);

  /// Ascending.
  std::span<const float> ofRow(size_t row) const {
    return std::span(values).subspan(first[row], first[row + 1] - first[row]);
  }
  /// `above`: of each of `values`.
  void answer(std::span<CountQuery> queries, std::span<const uint64_t> above) const;

  std::vector<float> values;  // one row's behind the other's
  std::vector<size_t> first;  // [rows + 1]
};

}  // namespace sphereface
