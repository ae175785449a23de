// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Kernels of kernels/score_counter.h. A block's scores are written once, [rows][columns], and read
// by each kernel that counts.

#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "kernels/score_counter.h"

namespace sphereface {

/// A score and its column in one number that sorts like them, higher scores and then lower columns
/// being larger; 0 is none.
using BestKey = unsigned long long;
BestColumn bestColumn(BestKey key);

struct ScoreBlock {
  const float* rows = nullptr;     // [row_count][depth]
  const float* columns = nullptr;  // [column_count][depth]
  int row_count = 0;
  int column_count = 0;
  int depth = 0;
  float* scores = nullptr;  // [row_count][column_count]
};

void scoreBlock(const ScoreBlock& block, ScoreFormula formula, cudaStream_t stream);

/// bins[first[r] + t] += the scores of row r above its threshold t and no higher one.
void countAbove(const ScoreBlock& block, const float* thresholds, const size_t* first,
                BestKey* bins, cudaStream_t stream);

/// best [row_count][limit], falling: with those of the block. requires: limit <= kMostBest.
void takeBest(const ScoreBlock& block, size_t first_column, size_t limit, BestKey* best,
              cudaStream_t stream);

/// large[0 .. *count - 1]: the scores above `cut`, in any order. requires: *count is 0.
void takeLarge(const ScoreBlock& block, float cut, float* large, unsigned* count,
               cudaStream_t stream);

/// bins[e] += the scores of the first `rows` rows from above edges[e - 1] up to edges[e].
void countBetween(const ScoreBlock& block, int rows, const float* edges, size_t edge_count,
                  BestKey* bins, cudaStream_t stream);

}  // namespace sphereface
