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
#include "evaluation/score_thresholds.h"
#include "evaluation/scorer.h"
#include "kernels/engine.h"

namespace sphereface {

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

/// Bytes that scanScores() takes beside its arguments and result, for that many probes and queries.
size_t scanBytes(const Scorer& scorer, const ScanOptions& options, size_t probes, size_t queries);

/// The same bits on CPU (with fused multiply-adds) and GPU.
/// `probes`: prepared features, [n][depth]. Answers `queries`, shows progress.
/// errors: Error naming a feature that can't be read or used.
ScanResult scanScores(const Scorer& scorer, std::span<const float> probes,
                      const FeatureSource& distractors, std::span<CountQuery> queries,
                      const ScanOptions& options);

}  // namespace sphereface
