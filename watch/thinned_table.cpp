// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/thinned_table.h"

#include <cmath>
#include <limits>
#include <utility>

namespace sphereface {
namespace {

/// Adds `row`, of weight 1, to the mean of `count` others.
void addTo(ThinnedTable::Row& mean, size_t count, const ThinnedTable::Row& row) {
  if (mean.size() < row.size()) mean.resize(row.size(), std::numeric_limits<double>::quiet_NaN());
  for (size_t k = 0; k < row.size(); ++k) {
    if (std::isnan(row[k])) continue;
    const bool replaces = k == 0 || std::isnan(mean[k]);
    mean[k] = replaces ? row[k] : mean[k] + (row[k] - mean[k]) / static_cast<double>(count + 1);
  }
}

}  // namespace

void ThinnedTable::add(const Row& row) {
  if (rows_.empty() || in_last_ == each_) {
    if (rows_.size() == most_) {
      for (size_t i = 0; i < most_ / 2; ++i) {
        Row two = rows_[2 * i];
        addTo(two, 1, rows_[2 * i + 1]);
        rows_[i] = std::move(two);
      }
      rows_.resize(most_ / 2);
      each_ *= 2;
    }
    rows_.push_back(row);
    in_last_ = 1;
    return;
  }
  addTo(rows_.back(), in_last_, row);
  ++in_last_;
}

void ThinnedTable::clear() {
  rows_.clear();
  each_ = 1;
  in_last_ = 0;
}

}  // namespace sphereface
