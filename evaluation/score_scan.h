// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One pass over the scores of probes (rows) with distractors (columns), of which only a block
// exists at a time: distractors are read, prepared and packed a block at a time, scored with some
// rows after the other, and what is asked for is counted while the scores are in cache.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "evaluation/feature_source.h"
#include "evaluation/rank_group.h"
#include "evaluation/scorer.h"
#include "kernels/engine.h"

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

struct Neighbour {
  size_t column = 0;
  float score = 0;
};

struct ScanOptions {
  size_t threads = 1;
  Device device = Device::kCpu;
  int device_index = 0;         // of several GPUs
  size_t block_columns = 4096;  // distractors in memory at a time
  size_t best = 0;              // distractors to name for each probe
  size_t largest = 0;           // how many of the largest scores of all to keep
  // Ascending scores; for each it is counted how many scores of the first `edge_rows` probes are
  // strictly higher.
  std::vector<float> edges;
  size_t edge_rows = 0;
};

struct ScanResult {
  std::vector<std::vector<Neighbour>> best;  // of each probe, best first, of equal ones the first
  std::vector<float> largest;                // falling
  std::vector<uint64_t> above_edge;
};

/// Features first .. first + count - 1, prepared, to [count][depth].
/// errors: Error naming a feature that can't be read or used.
void prepareFeatures(const Scorer& scorer, const FeatureSource& source, size_t first, size_t count,
                     float* prepared);

/// Bytes that scanScores() takes beside its arguments and result, for that many probes and queries.
size_t scanBytes(const Scorer& scorer, const ScanOptions& options, size_t probes, size_t queries);

/// The same bits on CPU (with fused multiply-adds) and GPU.
/// `probes`: prepared features, [n][depth]. Answers `queries`, shows progress.
/// errors: Error naming a feature that can't be read or used.
ScanResult scanScores(const Scorer& scorer, std::span<const float> probes,
                      const FeatureSource& distractors, std::span<CountQuery> queries,
                      const ScanOptions& options);

/// The same with the distractors divided among the ranks. Arguments are the same on all of them;
/// each reads and scores its share alone. On rank 0 queries and result are those of scanScores(),
/// to the bit, whatever the number of ranks; on others they are of no use.
ScanResult scanShared(const Scorer& scorer, std::span<const float> probes,
                      const FeatureSource& distractors, std::span<CountQuery> queries,
                      const ScanOptions& options, RankGroup& ranks);

/// scanScores() on a GPU: the host reads and prepares a block of distractors while the GPU scores
/// the one before and counts.
ScanResult scanOnGpu(const Scorer& scorer, std::span<const float> probes,
                     const FeatureSource& distractors, std::span<CountQuery> queries,
                     const ScanOptions& options);

/// Of scores sorted in between ascending edges (bin e: above edge e - 1, up to edge e): how many
/// are above each edge.
std::vector<uint64_t> aboveEdges(std::span<const uint64_t> bins);

}  // namespace sphereface
