// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/score_kernels.h"

#include <cstring>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"

namespace sphereface {
namespace {

constexpr int kTile = 64;   // rows and columns of a block of threads
constexpr int kDepth = 16;  // numbers of a feature in shared memory at a time
constexpr int kSide = 16;   // threads a side, each with 4 x 4 scores kSide apart
constexpr int kEach = kTile / kSide;
constexpr int kThreads = 256;

struct LargerKey {
  __device__ BestKey operator()(BestKey a, BestKey b) const { return a > b ? a : b; }
};

/// kTile features from `first` on, their numbers k .. k + kDepth - 1: tile[number][feature], zeros
/// beyond the end.
__device__ void loadTile(const float* features, int count, int first, int depth, int k,
                         float (*tile)[kTile + 1]) {
  for (int at = static_cast<int>(threadIdx.x); at < kTile * kDepth; at += kThreads) {
    const int feature = first + at / kDepth;
    const int number = k + at % kDepth;
    tile[at % kDepth][at / kDepth] = feature < count && number < depth
                                         ? features[static_cast<size_t>(feature) * depth + number]
                                         : 0.0F;
  }
}

/// The sums run over the first `sum_depth` numbers. Zeros behind them change no sum.
template <ScoreFormula kFormula>
__global__ void scoreKernel(ScoreBlock block, int sum_depth) {
  __shared__ float rows[kDepth][kTile + 1];
  __shared__ float columns[kDepth][kTile + 1];
  const int first_row = static_cast<int>(blockIdx.y) * kTile;
  const int first_column = static_cast<int>(blockIdx.x) * kTile;
  const int x = static_cast<int>(threadIdx.x) % kSide;
  const int y = static_cast<int>(threadIdx.x) / kSide;
  float sum[kEach][kEach] = {};
  for (int k = 0; k < sum_depth; k += kDepth) {
    loadTile(block.rows, block.row_count, first_row, block.depth, k, rows);
    loadTile(block.columns, block.column_count, first_column, block.depth, k, columns);
    __syncthreads();
    const int left = sum_depth - k;
    const int end = left < kDepth ? left : kDepth;
    for (int n = 0; n < end; ++n) {
      for (int i = 0; i < kEach; ++i) {
        const float a = rows[n][y + i * kSide];
        for (int j = 0; j < kEach; ++j) {
          const float b = columns[n][x + j * kSide];
          sum[i][j] = kFormula == ScoreFormula::kCosine ? fmaf(a, b, sum[i][j])
                                                        : __fadd_rn(sum[i][j], __fmul_rn(a, b));
        }
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < kEach; ++i) {
    const int row = first_row + y + i * kSide;
    if (row >= block.row_count) continue;
    for (int j = 0; j < kEach; ++j) {
      const int column = first_column + x + j * kSide;
      if (column >= block.column_count) continue;
      float score = sum[i][j];
      if (kFormula == ScoreFormula::kDevkit) {
        const float a = block.rows[static_cast<size_t>(row) * block.depth + sum_depth];
        const float b = block.columns[static_cast<size_t>(column) * block.depth + sum_depth];
        score = __fadd_rn(__fadd_rn(__fmul_rn(2.0F, score), a), b);
      }
      block.scores[static_cast<size_t>(row) * block.column_count + column] = score;
    }
  }
}

/// How many of the ascending values are below `score`.
__device__ size_t below(const float* values, size_t count, float score) {
  size_t begin = 0;
  while (count > 0) {
    const size_t half = count / 2;
    if (values[begin + half] < score) {
      begin += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return begin;
}

__global__ void countAboveKernel(ScoreBlock block, const float* thresholds, const size_t* first,
                                 BestKey* bins) {
  const size_t row = blockIdx.x;
  const float* const own = thresholds + first[row];
  const size_t count = first[row + 1] - first[row];
  const float* const scores = block.scores + row * block.column_count;
  for (int c = static_cast<int>(threadIdx.x); c < block.column_count; c += kThreads) {
    const size_t passed = below(own, count, scores[c]);
    if (passed > 0) atomicAdd(bins + first[row] + passed - 1, 1ULL);
  }
}

/// Floats in an order that unsigned integers have, none of them 0.
__device__ BestKey keyOf(float score, size_t column) {
  const unsigned bits = __float_as_uint(score + 0.0F);  // -0 and 0 are equal
  const unsigned sign = 1U << 31;
  const unsigned sorted = (bits & sign) != 0 ? ~bits : bits | sign;
  return static_cast<BestKey>(sorted) << 32 | (0xffffffffU - static_cast<unsigned>(column));
}

__global__ void takeBestKernel(ScoreBlock block, size_t first_column, int limit, BestKey* best) {
  const size_t row = blockIdx.x;
  const float* const scores = block.scores + row * block.column_count;
  BestKey* const kept = best + row * limit;
  BestKey found[ScoreCounter::kMostBest];
  BestKey previous = ~0ULL;
  for (int n = 0; n < limit; ++n) {
    BestKey mine = 0;
    for (int c = static_cast<int>(threadIdx.x); c < block.column_count; c += kThreads) {
      const BestKey key = keyOf(scores[c], first_column + c);
      if (key < previous && key > mine) mine = key;
    }
    BestKey next = blockReduce<kThreads>(mine, BestKey{0}, LargerKey());
    // The usual case: nothing of this block is among the best.
    if (n == 0 && next <= kept[limit - 1]) return;
    for (int m = 0; m < limit; ++m) {
      if (kept[m] < previous && kept[m] > next) next = kept[m];
    }
    found[n] = next;
    previous = next;
  }
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int n = 0; n < limit; ++n)
    kept[n] = found[n];
}

__global__ void takeLargeKernel(ScoreBlock block, float cut, float* large, unsigned* count) {
  const size_t total = static_cast<size_t>(block.row_count) * block.column_count;
  const size_t stride = static_cast<size_t>(gridDim.x) * kThreads;
  for (size_t at = static_cast<size_t>(blockIdx.x) * kThreads + threadIdx.x; at < total;
       at += stride) {
    const float score = block.scores[at];
    if (score > cut) large[atomicAdd(count, 1U)] = score;
  }
}

__global__ void countBetweenKernel(ScoreBlock block, const float* edges, size_t edge_count,
                                   BestKey* bins) {
  const float* const scores = block.scores + static_cast<size_t>(blockIdx.x) * block.column_count;
  for (int c = static_cast<int>(threadIdx.x); c < block.column_count; c += kThreads)
    atomicAdd(bins + below(edges, edge_count, scores[c]), 1ULL);
}

LaunchShape blockEachRow(int rows) {
  return {dim3(static_cast<unsigned>(rows)), dim3(kThreads)};
}

}  // namespace

BestColumn bestColumn(BestKey key) {
  const auto sorted = static_cast<uint32_t>(key >> 32);
  const uint32_t sign = 1U << 31;
  const uint32_t bits = (sorted & sign) != 0 ? sorted & ~sign : ~sorted;
  BestColumn best;
  best.column = 0xffffffffU - static_cast<uint32_t>(key);
  std::memcpy(&best.score, &bits, sizeof bits);
  return best;
}

void scoreBlock(const ScoreBlock& block, ScoreFormula formula, cudaStream_t stream) {
  const LaunchShape shape = {dim3(blocksFor(static_cast<size_t>(block.column_count), kTile),
                                  blocksFor(static_cast<size_t>(block.row_count), kTile)),
                             dim3(kThreads)};
  if (formula == ScoreFormula::kDevkit) {
    launch("score as the devkit does", scoreKernel<ScoreFormula::kDevkit>, shape, stream, block,
           block.depth - 1);
  } else {
    launch("score", scoreKernel<ScoreFormula::kCosine>, shape, stream, block, block.depth);
  }
}

void countAbove(const ScoreBlock& block, const float* thresholds, const size_t* first,
                BestKey* bins, cudaStream_t stream) {
  launch("count scores above thresholds", countAboveKernel, blockEachRow(block.row_count), stream,
         block, thresholds, first, bins);
}

void takeBest(const ScoreBlock& block, size_t first_column, size_t limit, BestKey* best,
              cudaStream_t stream) {
  launch("take the best columns", takeBestKernel, blockEachRow(block.row_count), stream, block,
         first_column, static_cast<int>(limit), best);
}

void takeLarge(const ScoreBlock& block, float cut, float* large, unsigned* count,
               cudaStream_t stream) {
  constexpr unsigned kBlocks = 1024;
  launch("take the largest scores", takeLargeKernel, {dim3(kBlocks), dim3(kThreads)}, stream, block,
         cut, large, count);
}

void countBetween(const ScoreBlock& block, int rows, const float* edges, size_t edge_count,
                  BestKey* bins, cudaStream_t stream) {
  launch("count scores between edges", countBetweenKernel, blockEachRow(rows), stream, block, edges,
         edge_count, bins);
}

}  // namespace sphereface
