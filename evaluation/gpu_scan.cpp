// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstddef>
#include <memory>

#include "base/parallel.h"
#include "base/progress.h"
#include "evaluation/largest_scores.h"
#include "evaluation/score_scan.h"
#include "kernels/score_counter.h"

namespace sphereface {
namespace {

void prepareBlock(const Scorer& scorer, const FeatureSource& distractors, size_t first,
                  size_t columns, size_t threads, float* block) {
  constexpr size_t kPiece = 64;
  parallelFor((columns + kPiece - 1) / kPiece, threads, [&](size_t piece) {
    const size_t begin = piece * kPiece;
    prepareFeatures(scorer, distractors, first + begin, std::min(kPiece, columns - begin),
                    block + begin * scorer.depth());
  });
}

void scanBlocks(ScoreCounter& counter, const Scorer& scorer, const FeatureSource& distractors,
                const ScanOptions& options, LargestScores& largest) {
  const size_t total = distractors.names.size();
  Progress progress("scoring", total, "distractors");
  std::vector<float> large;
  size_t started = 0;  // columns of the block the GPU is at
  const auto finish = [&] {
    if (started == 0) return;
    large.clear();
    counter.finish(large);
    largest.add(large);
    progress.add(started);
    started = 0;
  };
  int which = 0;
  for (size_t first = 0; first < total; first += options.block_columns) {
    const size_t columns = std::min(options.block_columns, total - first);
    prepareBlock(scorer, distractors, first, columns, options.threads, counter.block(which));
    finish();
    counter.start(which, columns, first, largest.cut());
    started = columns;
    which = 1 - which;
  }
  finish();
}

}  // namespace

ScanResult scanOnGpu(const Scorer& scorer, std::span<const float> probes,
                     const FeatureSource& distractors, std::span<CountQuery> queries,
                     const ScanOptions& options) {
  const size_t rows = probes.size() / scorer.depth();
  const ScoreThresholds thresholds(queries, rows);
  ScoreCounterOptions counting;
  counting.formula = scorer.depth() > scorer.dim() ? ScoreFormula::kDevkit : ScoreFormula::kCosine;
  counting.rows = rows;
  counting.depth = scorer.depth();
  counting.block_columns = options.block_columns;
  counting.values = probes;
  counting.thresholds = thresholds.values;
  counting.first_threshold = thresholds.first;
  counting.best = options.best;
  counting.edges = options.edges;
  counting.edge_rows = options.edges.empty() ? 0 : options.edge_rows;
  counting.device_index = options.device_index;
  const std::unique_ptr<ScoreCounter> counter = makeCudaScoreCounter(counting);
  LargestScores largest(options.largest);
  scanBlocks(*counter, scorer, distractors, options, largest);

  thresholds.answer(queries, counter->above());
  ScanResult result;
  for (const std::vector<BestColumn>& row : counter->best()) {
    result.best.emplace_back();
    for (const BestColumn& column : row)
      result.best.back().push_back({column.column, column.score});
  }
  result.largest = largest.take();
  result.above_edge = aboveEdges(counter->betweenEdges());
  return result;
}

}  // namespace sphereface
