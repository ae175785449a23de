// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The GPU's score counter against loops that say what each count is, to the bit.

#include "kernels/score_counter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace sphereface {
namespace {

struct Case {
  size_t rows = 0;
  size_t depth = 0;
  size_t columns = 0;
  size_t block = 0;
  ScoreFormula formula = ScoreFormula::kCosine;
};

/// Small integers make ties, and sums that are exact or nearly so.
std::vector<float> features(size_t count, Random& random, bool with_ties) {
  std::vector<float> values(count);
  for (float& value : values) {
    value = with_ties ? static_cast<float>(static_cast<int>(random.below(3)) - 1)
                      : static_cast<float>(random.normal());
  }
  return values;
}

float scoreOf(const Case& c, const float* a, const float* b) {
  const bool devkit = c.formula == ScoreFormula::kDevkit;
  const size_t numbers = devkit ? c.depth - 1 : c.depth;
  float sum = 0;
  for (size_t k = 0; k < numbers; ++k)
    sum = devkit ? sum + a[k] * b[k] : std::fma(a[k], b[k], sum);
  return devkit ? 2.0F * sum + (a[numbers] + b[numbers]) : sum;
}

class ScoreCounting : public ::testing::TestWithParam<Case> {};

TEST_P(ScoreCounting, IsWhatLoopsCount) {
  const Case c = GetParam();
  for (const bool with_ties : {true, false}) {
    Random random(17);
    const std::vector<float> rows = features(c.rows * c.depth, random, with_ties);
    const std::vector<float> columns = features(c.columns * c.depth, random, with_ties);
    std::vector<std::vector<float>> scores(c.rows);
    for (size_t r = 0; r < c.rows; ++r) {
      for (size_t k = 0; k < c.columns; ++k)
        scores[r].push_back(scoreOf(c, &rows[r * c.depth], &columns[k * c.depth]));
    }
    // Thresholds that occur as scores, another number of them in each row; row 1 has none.
    std::vector<float> thresholds;
    std::vector<size_t> first = {0};
    for (size_t r = 0; r < c.rows; ++r) {
      std::vector<float> own;
      for (size_t t = 0; r != 1 && t < 1 + r % 4; ++t)
        own.push_back(scores[r][random.below(c.columns)]);
      std::sort(own.begin(), own.end());
      own.erase(std::unique(own.begin(), own.end()), own.end());
      thresholds.insert(thresholds.end(), own.begin(), own.end());
      first.push_back(thresholds.size());
    }
    std::vector<float> edges(scores[0].begin(), scores[0].begin() + 3);
    std::sort(edges.begin(), edges.end());

    ScoreCounterOptions options;
    options.formula = c.formula;
    options.rows = c.rows;
    options.depth = c.depth;
    options.block_columns = c.block;
    options.values = rows;
    options.thresholds = thresholds;
    options.first_threshold = first;
    options.best = 5;
    options.edges = edges;
    options.edge_rows = 2;
    const std::unique_ptr<ScoreCounter> counter = makeCudaScoreCounter(options);
    const float cut = scores[0][0];
    std::vector<float> large;
    int which = 0;
    for (size_t begin = 0; begin < c.columns; begin += c.block) {
      const size_t count = std::min(c.block, c.columns - begin);
      std::copy_n(&columns[begin * c.depth], count * c.depth, counter->block(which));
      counter->start(which, count, begin, cut);
      counter->finish(large);
      which = 1 - which;
    }

    std::vector<float> want_large;
    for (size_t r = 0; r < c.rows; ++r) {
      std::copy_if(scores[r].begin(), scores[r].end(), std::back_inserter(want_large),
                   [&](float score) { return score > cut; });
    }
    std::sort(large.begin(), large.end());
    std::sort(want_large.begin(), want_large.end());
    EXPECT_EQ(large, want_large);

    const std::vector<uint64_t> above = counter->above();
    const std::vector<std::vector<BestColumn>> best = counter->best();
    for (size_t r = 0; r < c.rows; ++r) {
      for (size_t t = first[r]; t < first[r + 1]; ++t) {
        const auto want = std::count_if(scores[r].begin(), scores[r].end(),
                                        [&](float score) { return score > thresholds[t]; });
        EXPECT_EQ(above[t], static_cast<uint64_t>(want)) << "row " << r << ", threshold " << t;
      }
      std::vector<size_t> order(c.columns);
      for (size_t k = 0; k < c.columns; ++k)
        order[k] = k;
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return scores[r][a] > scores[r][b]; });
      ASSERT_EQ(best[r].size(), std::min<size_t>(5, c.columns)) << "row " << r;
      for (size_t n = 0; n < best[r].size(); ++n) {
        EXPECT_EQ(best[r][n].column, order[n]) << "row " << r << ", place " << n;
        EXPECT_EQ(best[r][n].score, scores[r][order[n]]) << "row " << r << ", place " << n;
      }
    }
    std::vector<uint64_t> want_bins(edges.size() + 1);
    for (size_t r = 0; r < std::min<size_t>(2, c.rows); ++r) {
      for (const float score : scores[r]) {
        ++want_bins[static_cast<size_t>(std::lower_bound(edges.begin(), edges.end(), score) -
                                        edges.begin())];
      }
    }
    EXPECT_EQ(counter->betweenEdges(), want_bins);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ScoreCounting,
                         ::testing::Values(Case{1, 3, 4, 8}, Case{3, 16, 130, 64},
                                           Case{70, 33, 201, 100}, Case{65, 64, 64, 64},
                                           Case{5, 9, 300, 128, ScoreFormula::kDevkit},
                                           Case{66, 18, 67, 67, ScoreFormula::kDevkit}),
                         [](const ::testing::TestParamInfo<Case>& tested) {
                           const Case& c = tested.param;
                           return concat(c.formula == ScoreFormula::kDevkit ? "Devkit" : "Cosine",
                                         c.rows, "x", c.columns, "x", c.depth);
                         });

}  // namespace
}  // namespace sphereface
