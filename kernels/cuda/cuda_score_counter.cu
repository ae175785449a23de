// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// kernels/score_counter.h on a GPU. A block's scores are written once, [rows][columns], and read by
// each kernel that counts.

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/gpu_context.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/score_counter.h"

namespace sphereface {
namespace {

constexpr int kTile = 64;   // rows and columns of a block of threads
constexpr int kDepth = 16;  // numbers of a feature in shared memory at a time
constexpr int kSide = 16;   // threads a side, each with 4 x 4 scores kSide apart
constexpr int kEach = kTile / kSide;
constexpr int kThreads = 256;

/// A score and its column in one number that sorts like them, higher scores and then lower columns
/// being larger; 0 is none.
using BestKey = unsigned long long;

struct ScoreBlock {
  const float* rows = nullptr;     // [row_count][depth]
  const float* columns = nullptr;  // [column_count][depth]
  int row_count = 0;
  int column_count = 0;
  int depth = 0;
  float* scores = nullptr;  // [row_count][column_count]
};

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
        score = __fadd_rn(__fmul_rn(2.0F, score), __fadd_rn(a, b));
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

/// bins[first[r] + t] += the scores of row r above its threshold t and no higher one.
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

/// best [row_count][limit], falling: with those of the block. requires: limit <= kMostBest.
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

/// large[0 .. *count - 1]: the scores above `cut`, in any order. requires: *count is 0.
__global__ void takeLargeKernel(ScoreBlock block, float cut, float* large, unsigned* count) {
  const size_t total = static_cast<size_t>(block.row_count) * block.column_count;
  const size_t stride = static_cast<size_t>(gridDim.x) * kThreads;
  for (size_t at = static_cast<size_t>(blockIdx.x) * kThreads + threadIdx.x; at < total;
       at += stride) {
    const float score = block.scores[at];
    if (score > cut) large[atomicAdd(count, 1U)] = score;
  }
}

/// bins[e] += the scores of a row from above edges[e - 1] up to edges[e].
__global__ void countBetweenKernel(ScoreBlock block, const float* edges, size_t edge_count,
                                   BestKey* bins) {
  const float* const scores = block.scores + static_cast<size_t>(blockIdx.x) * block.column_count;
  for (int c = static_cast<int>(threadIdx.x); c < block.column_count; c += kThreads)
    atomicAdd(bins + below(edges, edge_count, scores[c]), 1ULL);
}

LaunchShape blockEachRow(int rows) {
  return {dim3(static_cast<unsigned>(rows)), dim3(kThreads)};
}

BestColumn bestColumn(BestKey key) {
  const auto sorted = static_cast<uint32_t>(key >> 32);
  const uint32_t sign = 1U << 31;
  const uint32_t bits = (sorted & sign) != 0 ? sorted & ~sign : ~sorted;
  BestColumn best;
  best.column = 0xffffffffU - static_cast<uint32_t>(key);
  std::memcpy(&best.score, &bits, sizeof bits);
  return best;
}

/// Pairs of a block on the host and on the GPU, the one filled while the GPU works on the other.
constexpr int kBlocks = 2;

class CudaScoreCounter : public ScoreCounter {
 public:
  explicit CudaScoreCounter(const ScoreCounterOptions& options)
      : context_(options.device_index),
        formula_(options.formula),
        rows_(options.rows),
        depth_(options.depth),
        best_limit_(options.best),
        edge_rows_(std::min(options.edge_rows, options.rows)),
        values_(upload(options.values)),
        thresholds_(upload(options.thresholds)),
        first_threshold_(upload(options.first_threshold)),
        first_(options.first_threshold.begin(), options.first_threshold.end()),
        edges_(upload(options.edges)),
        above_(options.thresholds.size()),
        best_(options.rows * options.best),
        between_(options.edges.size() + 1),
        scores_(options.rows * options.block_columns),
        large_(options.rows * options.block_columns),
        large_count_(1) {
    for (int which = 0; which < kBlocks; ++which) {
      host_[static_cast<size_t>(which)] = PinnedBuffer<float>(options.block_columns * depth_);
      device_[static_cast<size_t>(which)] = DeviceBuffer<float>(options.block_columns * depth_);
    }
    check(cudaStreamSynchronize(context_.stream()), "copy to the GPU");
  }

  float* block(int which) override { return host_[static_cast<size_t>(which)].data(); }

  void start(int which, size_t columns, size_t first_column, float cut) override {
    const cudaStream_t stream = context_.stream();
    const DeviceBuffer<float>& features = device_[static_cast<size_t>(which)];
    check(cudaMemcpyAsync(features.data(), block(which), columns * depth_ * sizeof(float),
                          cudaMemcpyHostToDevice, stream),
          "copy to the GPU");
    ScoreBlock work;
    work.rows = values_.data();
    work.columns = features.data();
    work.row_count = static_cast<int>(rows_);
    work.column_count = static_cast<int>(columns);
    work.depth = static_cast<int>(depth_);
    work.scores = scores_.data();
    score(work);
    const LaunchShape each_row = blockEachRow(work.row_count);
    if (thresholds_.size() > 0) {
      launch("count scores above thresholds", countAboveKernel, each_row, stream, work,
             thresholds_.data(), first_threshold_.data(), above_.data());
    }
    if (best_limit_ > 0) {
      launch("take the best columns", takeBestKernel, each_row, stream, work, first_column,
             best_limit_, best_.data());
    }
    check(
        cudaMemcpyAsync(large_count_.data(), &kNone, sizeof kNone, cudaMemcpyHostToDevice, stream),
        "copy to the GPU");
    constexpr unsigned kLargeBlocks = 1024;
    launch("take the largest scores", takeLargeKernel, {dim3(kLargeBlocks), dim3(kThreads)}, stream,
           work, cut, large_.data(), large_count_.data());
    if (edge_rows_ > 0) {
      launch("count scores between edges", countBetweenKernel,
             blockEachRow(static_cast<int>(edge_rows_)), stream, work, edges_.data(), edges_.size(),
             between_.data());
    }
  }

  void finish(std::vector<float>& large) override {
    const auto count = static_cast<size_t>(download(large_count_, 1)[0]);
    const std::vector<float> found = download(large_, count);
    large.insert(large.end(), found.begin(), found.end());
  }

  std::vector<uint64_t> above() override {
    const std::vector<BestKey> bins = download(above_, above_.size());
    std::vector<uint64_t> above(bins.begin(), bins.end());
    // A score above a threshold is above the lower ones of its row, too.
    for (size_t row = 0; row < rows_; ++row) {
      for (size_t t = first_[row + 1]; t > first_[row] + 1; --t)
        above[t - 2] += above[t - 1];
    }
    return above;
  }

  std::vector<std::vector<BestColumn>> best() override {
    const std::vector<BestKey> keys = download(best_, best_.size());
    std::vector<std::vector<BestColumn>> best(rows_);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != 0) best[i / best_limit_].push_back(bestColumn(keys[i]));
    }
    return best;
  }

  std::vector<uint64_t> betweenEdges() override {
    const std::vector<BestKey> bins = download(between_, between_.size());
    return {bins.begin(), bins.end()};
  }

 private:
  static constexpr unsigned kNone = 0;

  void score(const ScoreBlock& block) const {
    const LaunchShape shape = {dim3(blocksFor(static_cast<size_t>(block.column_count), kTile),
                                    blocksFor(static_cast<size_t>(block.row_count), kTile)),
                               dim3(kThreads)};
    if (formula_ == ScoreFormula::kDevkit) {
      launch("score as the devkit does", scoreKernel<ScoreFormula::kDevkit>, shape,
             context_.stream(), block, block.depth - 1);
    } else {
      launch("score", scoreKernel<ScoreFormula::kCosine>, shape, context_.stream(), block,
             block.depth);
    }
  }

  template <class T>
  DeviceBuffer<T> upload(std::span<const T> values) const {
    DeviceBuffer<T> buffer(values.size());
    check(cudaMemcpyAsync(buffer.data(), values.data(), values.size_bytes(), cudaMemcpyHostToDevice,
                          context_.stream()),
          "copy to the GPU");
    return buffer;
  }

  /// Waits for all that was started.
  template <class T>
  std::vector<T> download(const DeviceBuffer<T>& buffer, size_t count) const {
    std::vector<T> values(count);
    check(cudaMemcpyAsync(values.data(), buffer.data(), count * sizeof(T), cudaMemcpyDeviceToHost,
                          context_.stream()),
          "copy from the GPU");
    check(cudaStreamSynchronize(context_.stream()), "score on the GPU");
    return values;
  }

  GpuContext context_;
  ScoreFormula formula_;
  size_t rows_;
  size_t depth_;
  size_t best_limit_;
  size_t edge_rows_;
  DeviceBuffer<float> values_;
  DeviceBuffer<float> thresholds_;
  DeviceBuffer<size_t> first_threshold_;
  std::vector<size_t> first_;
  DeviceBuffer<float> edges_;
  DeviceBuffer<BestKey> above_;    // by threshold: above it and no higher one of the row
  DeviceBuffer<BestKey> best_;     // [rows][best]
  DeviceBuffer<BestKey> between_;  // [edges + 1]
  DeviceBuffer<float> scores_;
  DeviceBuffer<float> large_;
  DeviceBuffer<unsigned> large_count_;
  std::array<PinnedBuffer<float>, kBlocks> host_;
  std::array<DeviceBuffer<float>, kBlocks> device_;
};

}  // namespace

std::unique_ptr<ScoreCounter> makeCudaScoreCounter(const ScoreCounterOptions& options) {
  return std::make_unique<CudaScoreCounter>(options);
}

}  // namespace sphereface
