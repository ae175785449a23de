// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/score_scan.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>

#include "base/aligned_buffer.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/target_clones.h"
#include "evaluation/largest_scores.h"

namespace sphereface {
namespace {

/// Rows of a task and panels scored at a time: with 512 dimensions the rows (96 KiB), the panel
/// read (128 KiB) and the scores (96 KiB) stay in a core's second-level cache.
constexpr size_t kTaskRows = 48;
constexpr size_t kTaskPanels = 8;
constexpr size_t kTaskColumns = kTaskPanels * Scorer::kPanel;

SPHEREFACE_TARGET_CLONES
uint32_t countAbove(const float* scores, size_t count, float threshold) {
  uint32_t above = 0;
  for (size_t i = 0; i < count; ++i)
    above += scores[i] > threshold ? 1 : 0;
  return above;
}

void takeBest(std::span<const float> scores, size_t first_column, size_t limit,
              std::vector<Neighbour>& best) {
  const auto least = [&] {
    return best.size() < limit ? -std::numeric_limits<float>::infinity() : best.back().score;
  };
  if (limit == 0 || countAbove(scores.data(), scores.size(), least()) == 0) return;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] <= least()) continue;
    if (best.size() == limit) best.pop_back();
    const auto place = std::upper_bound(
        best.begin(), best.end(), scores[i],
        [](float score, const Neighbour& neighbour) { return score > neighbour.score; });
    best.insert(place, {first_column + i, scores[i]});
  }
}

class Scan {
 public:
  Scan(const Scorer& scorer, std::span<const float> probes, const FeatureSource& distractors,
       std::span<CountQuery> queries, const ScanOptions& options)
      : scorer_(scorer),
        probes_(probes),
        distractors_(distractors),
        options_(options),
        count_(probes.size() / scorer.depth()),
        thresholds_(queries, count_),
        above_(thresholds_.values.size()),
        best_(count_),
        largest_(options.largest) {
    const size_t total = distractors.names.size();
    block_columns_ = std::min(options.block_columns, total);
    const size_t panels = (block_columns_ + Scorer::kPanel - 1) / Scorer::kPanel;
    panels_ = AlignedBuffer<float>(panels * Scorer::kPanel * scorer.depth());
    // A histogram for each task, so that tasks need no lock.
    const size_t edge_tasks = options.edges.empty() ? 0 : (edgeRows() + kTaskRows - 1) / kTaskRows;
    between_edges_.assign(edge_tasks, std::vector<uint64_t>(options.edges.size() + 1));
    Progress progress("scoring", total, "distractors");
    for (size_t first = 0; first < total; first += block_columns_) {
      const size_t columns = std::min(block_columns_, total - first);
      readBlock(first, columns);
      const size_t tasks = (count_ + kTaskRows - 1) / kTaskRows;
      parallelFor(tasks, options.threads, [&](size_t task) { scoreRows(task, first, columns); });
      progress.add(columns);
    }
    thresholds_.answer(queries, above_);
  }

  ScanResult result() {
    ScanResult result;
    result.best = std::move(best_);
    result.largest = largest_.take();
    std::vector<uint64_t> bins(options_.edges.size() + 1);
    for (const std::vector<uint64_t>& task : between_edges_)
      std::transform(bins.begin(), bins.end(), task.begin(), bins.begin(), std::plus<>());
    result.above_edge = aboveEdges(bins);
    return result;
  }

 private:
  size_t edgeRows() const { return std::min(options_.edge_rows, count_); }

  void readBlock(size_t first, size_t columns) {
    const size_t panels = (columns + Scorer::kPanel - 1) / Scorer::kPanel;
    const size_t depth = scorer_.depth();
    parallelFor(panels, options_.threads, [&](size_t panel) {
      const size_t begin = panel * Scorer::kPanel;
      const size_t count = std::min(Scorer::kPanel, columns - begin);
      std::vector<float> prepared(count * depth);
      prepareFeatures(scorer_, distractors_, first + begin, count, prepared.data());
      scorer_.pack(prepared.data(), count, panels_.data() + begin * depth);
    });
  }

  void scoreRows(size_t task, size_t first_column, size_t columns) {
    const size_t first_row = task * kTaskRows;
    const size_t rows = std::min(kTaskRows, count_ - first_row);
    const size_t depth = scorer_.depth();
    const auto scores = std::make_unique_for_overwrite<float[]>(kTaskRows * kTaskColumns);
    std::vector<float> large;
    for (size_t begin = 0; begin < columns; begin += kTaskColumns) {
      const size_t count = std::min(kTaskColumns, columns - begin);
      scorer_.score(probes_.data() + first_row * depth, rows, panels_.data() + begin * depth,
                    (count + Scorer::kPanel - 1) / Scorer::kPanel, scores.get(), kTaskColumns);
      for (size_t r = 0; r < rows; ++r) {
        countRow(first_row + r, first_column + begin, {scores.get() + r * kTaskColumns, count},
                 large);
      }
    }
    if (!large.empty()) largest_.add(large);
  }

  void countRow(size_t index, size_t first_column, std::span<const float> scores,
                std::vector<float>& large) {
    const std::span<const float> thresholds = thresholds_.ofRow(index);
    for (size_t t = 0; t < thresholds.size(); ++t) {
      const uint32_t above = countAbove(scores.data(), scores.size(), thresholds[t]);
      if (above == 0) break;
      above_[thresholds_.first[index] + t] += above;
    }
    takeBest(scores, first_column, options_.best, best_[index]);
    const float cut = largest_.cut();
    if (countAbove(scores.data(), scores.size(), cut) > 0) {
      std::copy_if(scores.begin(), scores.end(), std::back_inserter(large),
                   [&](float score) { return score > cut; });
    }
    if (options_.edges.empty() || index >= edgeRows()) return;
    std::vector<uint64_t>& bins = between_edges_[index / kTaskRows];
    for (const float score : scores) {
      const auto edge = std::lower_bound(options_.edges.begin(), options_.edges.end(), score);
      ++bins[static_cast<size_t>(edge - options_.edges.begin())];
    }
  }

  const Scorer& scorer_;
  std::span<const float> probes_;
  const FeatureSource& distractors_;
  const ScanOptions& options_;
  size_t count_;
  size_t block_columns_ = 0;
  ScoreThresholds thresholds_;
  std::vector<uint64_t> above_;  // of each threshold
  std::vector<std::vector<Neighbour>> best_;
  AlignedBuffer<float> panels_;
  LargestScores largest_;
  std::vector<std::vector<uint64_t>> between_edges_;
};

}  // namespace

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

std::vector<uint64_t> aboveEdges(std::span<const uint64_t> bins) {
  std::vector<uint64_t> above(bins.size() - 1);
  uint64_t sum = 0;
  for (size_t edge = above.size(); edge-- > 0;) {
    sum += bins[edge + 1];
    above[edge] = sum;
  }
  return above;
}

void prepareFeatures(const Scorer& scorer, const FeatureSource& source, size_t first, size_t count,
                     float* prepared) {
  const size_t dim = scorer.dim();
  std::vector<float> features(count * dim);
  source.read(first, count, features.data());
  for (size_t i = 0; i < count; ++i) {
    scorer.prepare({features.data() + i * dim, dim}, source.names[first + i],
                   prepared + i * scorer.depth());
  }
}

size_t scanBytes(const Scorer& scorer, const ScanOptions& options, size_t probes, size_t queries) {
  const size_t row = sizeof(std::vector<Neighbour>) + options.best * sizeof(Neighbour);
  const size_t query = sizeof(float) + sizeof(uint64_t);
  const size_t edge_tasks = std::min(options.edge_rows, probes) / kTaskRows + 1;
  const size_t thread = kTaskRows * (kTaskColumns + options.block_columns) * sizeof(float) +
                        2 * Scorer::kPanel * scorer.depth() * sizeof(float);
  return options.block_columns * scorer.depth() * sizeof(float) + probes * row + queries * query +
         2 * options.largest * sizeof(float) +
         edge_tasks * options.edges.size() * sizeof(uint64_t) + options.threads * thread;
}

ScanResult scanScores(const Scorer& scorer, std::span<const float> probes,
                      const FeatureSource& distractors, std::span<CountQuery> queries,
                      const ScanOptions& options) {
  if (options.device == Device::kCuda) {
    return scanOnGpu(scorer, probes, distractors, queries, options);
  }
  return Scan(scorer, probes, distractors, queries, options).result();
}

}  // namespace sphereface
