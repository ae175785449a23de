// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/gpu_context.h"
#include "kernels/cuda/score_kernels.h"
#include "kernels/score_counter.h"

namespace sphereface {
namespace {

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
    scoreBlock(work, formula_, stream);
    if (thresholds_.size() > 0) {
      countAbove(work, thresholds_.data(), first_threshold_.data(), above_.data(), stream);
    }
    if (best_limit_ > 0) takeBest(work, first_column, best_limit_, best_.data(), stream);
    check(
        cudaMemcpyAsync(large_count_.data(), &kNone, sizeof kNone, cudaMemcpyHostToDevice, stream),
        "copy to the GPU");
    takeLarge(work, cut, large_.data(), large_count_.data(), stream);
    if (edge_rows_ > 0) {
      countBetween(work, static_cast<int>(edge_rows_), edges_.data(), edges_.size(),
                   between_.data(), stream);
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
