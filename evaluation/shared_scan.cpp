// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "evaluation/rank_group.h"
#include "evaluation/score_scan.h"
#include "run/share.h"

namespace sphereface {
namespace {

/// All ranks run one binary on machines alike, so that values travel as they lie in memory.
template <class Value>
std::string bytesOf(const std::vector<Value>& values) {
  static_assert(std::is_trivially_copyable_v<Value>);
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)};
}

/// What the ranks gave, one behind the other.
template <class Value>
std::vector<Value> joined(const std::vector<std::string>& parts) {
  std::vector<Value> all;
  for (const std::string& part : parts) {
    const size_t before = all.size();
    all.resize(before + part.size() / sizeof(Value));
    if (!part.empty()) std::memcpy(all.data() + before, part.data(), part.size());
  }
  return all;
}

/// A neighbour of the probe `row`.
struct RowNeighbour {
  size_t row = 0;
  Neighbour neighbour;
};

void mergeBest(ScanResult& result, size_t first_column, size_t limit, RankGroup& ranks) {
  std::vector<RowNeighbour> mine;
  for (size_t row = 0; row < result.best.size(); ++row) {
    for (const Neighbour& found : result.best[row])
      mine.push_back({row, {first_column + found.column, found.score}});
    result.best[row].clear();
  }
  // By ascending rank and so by ascending column, which decides between equal scores.
  for (const RowNeighbour& found : joined<RowNeighbour>(ranks.gather(bytesOf(mine))))
    result.best[found.row].push_back(found.neighbour);
  for (std::vector<Neighbour>& best : result.best) {
    std::stable_sort(best.begin(), best.end(),
                     [](const Neighbour& a, const Neighbour& b) { return a.score > b.score; });
    best.resize(std::min(limit, best.size()));
  }
}

void mergeLargest(ScanResult& result, size_t limit, RankGroup& ranks) {
  result.largest = joined<float>(ranks.gather(bytesOf(result.largest)));
  std::sort(result.largest.begin(), result.largest.end(), std::greater<>());
  result.largest.resize(std::min(limit, result.largest.size()));
}

void addCounts(std::span<CountQuery> queries, RankGroup& ranks) {
  std::vector<uint64_t> above;
  above.reserve(queries.size());
  for (const CountQuery& query : queries)
    above.push_back(query.above);
  ranks.sum(above);
  for (size_t i = 0; i < queries.size(); ++i)
    queries[i].above = above[i];
}

}  // namespace

ScanResult scanShared(const Scorer& scorer, std::span<const float> probes,
                      const FeatureSource& distractors, std::span<CountQuery> queries,
                      const ScanOptions& options, RankGroup& ranks) {
  if (ranks.size() == 1) return scanScores(scorer, probes, distractors, queries, options);
  const Share share = shareOf(distractors.names.size(), ranks.size(), ranks.rank());
  ScanResult result = scanScores(scorer, probes, featureRange(distractors, share.begin, share.end),
                                 queries, options);
  addCounts(queries, ranks);
  ranks.sum(result.above_edge);
  mergeBest(result, share.begin, options.best, ranks);
  mergeLargest(result, options.largest, ranks);
  return result;
}

}  // namespace sphereface
