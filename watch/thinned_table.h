// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <vector>

namespace sphereface {

/// Rows of numbers, of which any many can be added and few are kept: when there are too many,
/// each two neighbours become their mean. All rows but the last stand for equally many.
class ThinnedTable {
 public:
  using Row = std::vector<double>;

  /// Keeps fewer than `most` rows, an even number. A row's first number, where it lies, is the last
  /// one's of those it stands for.
  explicit ThinnedTable(size_t most) : most_(most) {}

  /// Rows may grow longer later. NaN: not known; it counts in no mean.
  void add(const Row& row);
  void clear();

  const std::vector<Row>& rows() const { return rows_; }

 private:
  size_t most_;
  size_t each_ = 1;     // rows added that a row stands for
  size_t in_last_ = 0;  // those of the last one
  std::vector<Row> rows_;
};

}  // namespace sphereface
