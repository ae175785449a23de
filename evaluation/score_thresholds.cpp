// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/score_thresholds.h"

#include <algorithm>

namespace sphereface {

ScoreThresholds::ScoreThresholds(std::span<const CountQuery> queries, size_t rows) {
  std::vector<std::vector<float>> of_row(rows);
  for (const CountQuery& query : queries)
    of_row[query.row].push_back(query.threshold);
  first.push_back(0);
  for (std::vector<float>& row : of_row) {
    std::sort(row.begin(), row.end());
    row.erase(std::unique(row.begin(), row.end()), row.end());
    values.insert(values.end(), row.begin(), row.end());
    first.push_back(values.size());
  }
}

void ScoreThresholds::answer(std::span<CountQuery> queries, std::span<const uint64_t> above) const {
  for (CountQuery& query : queries) {
    const std::span<const float> row = ofRow(query.row);
    const auto at = std::lower_bound(row.begin(), row.end(), query.threshold) - row.begin();
    query.above = above[first[query.row] + static_cast<size_t>(at)];
  }
}

}  // namespace sphereface
