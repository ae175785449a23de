// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A GPU's part in the steps of ClassParallelHead, with the exchange between GPUs: all of it is put
// on the engine's stream.

#pragma once

#include <memory>

#include "kernels/arena_store.h"
#include "kernels/class_choice.h"
#include "kernels/class_parallel_head.h"
#include "kernels/cuda/cuda_energy.h"
#include "kernels/cuda/cuda_head.h"
#include "kernels/cuda/gpu_network.h"
#include "kernels/cuda/stream_marks.h"

namespace sphereface {

/// The rows of a random part of the classes on the GPU, as kernels/cpu/class_sample.h.
class CudaClassSample {
 public:
  /// As ClassChoice.
  CudaClassSample(int first_class, int classes, int dim, double share, int images);

  int size() const { return choice_.size(); }
  size_t bytes() const { return rows_.bytes() + labels_.bytes() + store_.bytes(); }

  /// Chooses a part, on the host. requires: the stream's work of an earlier choice is done.
  void choose(std::span<const int32_t> labels, uint64_t key, cudaStream_t stream);

  /// On the GPU, by image: the label's place in the part, -1 where its class isn't here.
  std::span<const int32_t> labels() const { return labels_.span(); }

  /// Of the part [size, dim].
  const Arena& arena() const { return store_.arena(); }

  /// Takes the part's rows of `all` [classes, dim], or puts them back.
  void take(std::span<const float> all, std::span<float> part, cudaStream_t stream) const;
  void put(std::span<const float> part, std::span<float> all, cudaStream_t stream) const;

 private:
  ClassChoice choice_;
  int dim_;
  PinnedBuffer<int32_t> host_;  // rows, then labels
  DeviceBuffer<int32_t> rows_;
  DeviceBuffer<int32_t> labels_;
  ArenaStore<DeviceBuffer<float>> store_;
};

/// All but the head.
class GpuSpread {
 public:
  template <class Number>
  using Buffer = DeviceBuffer<Number>;
  using Sample = CudaClassSample;
  using Energy = CudaEnergy;
  using Exchange = GpuExchange;

  /// requires: options.head_group.
  GpuSpread(const GpuContext& context, const EngineOptions& options);

  GpuExchange& exchange() const { return *exchange_; }

  static std::unique_ptr<CudaClassSample> makeSample(const EngineOptions& options, int images);
  std::unique_ptr<CudaEnergy> makeEnergy(const EngineOptions& options, int images) const;

  template <class Work>
  void timed(ExchangeStep step, const Work& work) const {
    marks_.set(beginOf(step), context_.stream());
    work();
    marks_.set(endOf(step), context_.stream());
  }
  /// Of the first `steps`.
  double seconds(size_t steps) const;

  void fetch(std::span<const int32_t> labels) const;
  /// While the GPU makes the embeddings.
  void choose(CudaClassSample& sample, std::span<const int32_t> labels, uint64_t key,
              std::span<const float> W) const;

  void offerTops(const HeadImages& of, std::span<float> tops) const;
  void offerSums(const HeadImages& of, std::span<const float> tops, std::span<float> sums) const;
  void takeSoftmax(std::span<const float> tops, std::span<const float> sums,
                   const HeadImages& of) const;

  /// What the ranks put together is a row and zeros, so that it has W's bits.
  void gatherRows(const CudaEnergy& energy, const int32_t* labels, const ClassRows& classes,
                  std::span<float> /*rows*/, std::span<float> /*own*/) const {
    const std::span<float> rows = energy.rowsOf(labels, classes);
    timed(kEnergyRows, [&] { exchange_->sum(rows); });
  }

 protected:
  const GpuContext& context() const { return context_; }

 private:
  static size_t beginOf(size_t step) { return 2 * step; }
  static size_t endOf(size_t step) { return 2 * step + 1; }

  const GpuContext& context_;
  std::unique_ptr<GpuExchange> exchange_;
  PinnedBuffer<int32_t> host_labels_;
  StreamMarks marks_{size_t{2} * kExchangeSteps};
};

template <class T>
class CudaSpread : public GpuSpread {
 public:
  using GpuSpread::GpuSpread;
  using Head = CudaHead<T>;

  std::unique_ptr<CudaHead<T>> makeHead(const EngineOptions& options, const Arena& arena) const {
    return std::make_unique<CudaHead<T>>(context(), options, arena);
  }
};

}  // namespace sphereface
