// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Counts what is asked of the scores of some rows (probes) with blocks of columns (distractors) on
// a device that keeps the scores to itself. A score is a number of fp32:
//
//   kCosine  sum_k a_k b_k, one chain of fused multiply-adds over the depth, in order;
//   kDevkit  2 sum_k a_k b_k + (a_last + b_last), the sum over all but the last number, in order,
//            each multiplication and addition rounded by itself.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sphereface {

enum class ScoreFormula { kCosine, kDevkit };

struct ScoreCounterOptions {
  ScoreFormula formula = ScoreFormula::kCosine;
  size_t rows = 0;
  size_t depth = 0;
  size_t block_columns = 0;       // at most so many at a time
  std::span<const float> values;  // of the rows, [rows][depth]
  // Of row r: thresholds[first_threshold[r]] .. thresholds[first_threshold[r + 1] - 1], ascending.
  std::span<const float> thresholds;
  std::span<const size_t> first_threshold;  // [rows + 1]
  size_t best = 0;                          // columns to name of each row, at most kMostBest
  std::span<const float> edges;             // ascending
  size_t edge_rows = 0;                     // rows whose scores are sorted in between them
  int device_index = 0;                     // of several GPUs
};

struct BestColumn {
  size_t column = 0;
  float score = 0;
};

class ScoreCounter {
 public:
  static constexpr size_t kMostBest = 8;

  virtual ~ScoreCounter() = default;

  /// Where the caller writes block `which` (0 or 1), [block_columns][depth]: one while the device
  /// works on the other.
  virtual float* block(int which) = 0;
  /// Begins with the first `columns` of a block, which are number `first_column` and so on of all.
  /// Of their scores those above `cut` are kept for finish().
  virtual void start(int which, size_t columns, size_t first_column, float cut) = 0;
  /// Waits for what was started, and adds the scores it kept to `large`.
  virtual void finish(std::vector<float>& large) = 0;

  // When all is finished:
  /// Of each threshold: how many scores of its row are strictly higher.
  virtual std::vector<uint64_t> above() = 0;
  /// Of each row the best columns, best first, of equal ones the lower number first.
  virtual std::vector<std::vector<BestColumn>> best() = 0;
  /// [edges + 1]: bin e has the scores from above edge e - 1 up to edge e.
  virtual std::vector<uint64_t> betweenEdges() = 0;
};

/// errors: Error in words a user can act on when there is no GPU, no driver or no library.
std::unique_ptr<ScoreCounter> makeCudaScoreCounter(const ScoreCounterOptions& options);

}  // namespace sphereface
