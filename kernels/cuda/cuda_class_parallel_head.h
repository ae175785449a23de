// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <memory>

#include "kernels/class_parallel_head.h"
#include "kernels/cuda/cuda_class_sample.h"
#include "kernels/cuda/cuda_energy.h"
#include "kernels/cuda/cuda_head.h"
#include "kernels/cuda/exchange_kernels.h"
#include "kernels/cuda/gpu_network.h"
#include "kernels/cuda/stream_marks.h"

namespace sphereface {

/// A GPU's part in the steps of ClassParallelHead: with the exchange between GPUs, all of it on the
/// engine's stream.
template <class T>
class CudaSpread {
 public:
  template <class Number>
  using Buffer = DeviceBuffer<Number>;
  using Head = CudaHead<T>;
  using Sample = CudaClassSample;
  using Energy = CudaEnergy;
  using Exchange = GpuExchange;

  /// requires: options.head_group.
  CudaSpread(const GpuContext& context, const EngineOptions& options)
      : context_(context),
        exchange_(joinGpuExchange(context, options.head_group)),
        host_labels_(positive(exchange_->images())) {}

  GpuExchange& exchange() const { return *exchange_; }

  std::unique_ptr<CudaHead<T>> makeHead(const EngineOptions& options, const Arena& arena) const {
    return std::make_unique<CudaHead<T>>(context_, options, arena);
  }
  static std::unique_ptr<CudaClassSample> makeSample(const EngineOptions& options, int images) {
    return std::make_unique<CudaClassSample>(options.first_class, options.classes,
                                             options.network.embedding, options.head.sample_rate,
                                             images);
  }
  std::unique_ptr<CudaEnergy> makeEnergy(const EngineOptions& options, int images) const {
    return std::make_unique<CudaEnergy>(context_, images, options.network.embedding,
                                        options.head.mhe_weight);
  }

  template <class Work>
  void timed(ExchangeStep step, const Work& work) const {
    marks_.set(beginOf(step), context_.stream());
    work();
    marks_.set(beginOf(step) + 1, context_.stream());
  }
  /// Of the first `steps`.
  double seconds(size_t steps) const {
    double sum = 0;
    for (size_t step = 0; step < steps; ++step)
      sum += marks_.seconds(beginOf(step), beginOf(step) + 1);
    return sum;
  }

  void fetch(std::span<const int32_t> labels) const {
    check(cudaMemcpyAsync(host_labels_.data(), labels.data(), labels.size_bytes(),
                          cudaMemcpyDeviceToHost, context_.stream()),
          "copy labels");
  }
  /// While the GPU makes the embeddings.
  void choose(CudaClassSample& sample, std::span<const int32_t> labels, uint64_t key,
              std::span<const float> W) const {
    exchange_->wait(marks_.at(beginOf(kLabels) + 1));
    sample.choose({host_labels_.data(), labels.size()}, key, context_.stream());
    sample.take(W, sample.arena().parameters, context_.stream());
  }

  void offerTops(const HeadImages& of, std::span<float> tops) const {
    sphereface::offerTops(imagesOf(tops), of, tops.data(), context_.stream());
  }
  void offerSums(const HeadImages& of, std::span<const float> tops, std::span<float> sums) const {
    sphereface::offerSums(imagesOf(tops), of, tops.data(), sums.data(), context_.stream());
  }
  void takeSoftmax(std::span<const float> tops, std::span<const float> sums,
                   const HeadImages& of) const {
    sphereface::takeSoftmax(imagesOf(tops), tops.data(), sums.data(), of, context_.stream());
  }

  /// What the ranks put together is a row and zeros, so that it has W's bits.
  void gatherRows(const CudaEnergy& energy, const int32_t* labels, const ClassRows& classes,
                  std::span<float> /*rows*/, std::span<float> /*own*/) const {
    const std::span<float> rows = energy.rowsOf(labels, classes);
    timed(kEnergyRows, [&] { exchange_->sum(rows); });
  }

 private:
  static size_t beginOf(size_t step) { return 2 * step; }
  static int imagesOf(std::span<const float> tops) { return static_cast<int>(tops.size()); }

  const GpuContext& context_;
  std::unique_ptr<GpuExchange> exchange_;
  PinnedBuffer<int32_t> host_labels_;
  StreamMarks marks_{size_t{2} * kExchangeSteps};
};

}  // namespace sphereface
