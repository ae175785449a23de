// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The head of a rank that has a range of the classes on its GPU and sees the images of all ranks:
// kernels/class_parallel_head.h with the exchange between GPUs, on the engine's stream.

#pragma once

#include <memory>
#include <optional>

#include "kernels/cuda/cuda_class_sample.h"
#include "kernels/cuda/cuda_energy.h"
#include "kernels/cuda/cuda_head.h"
#include "kernels/cuda/gpu_exchange.h"
#include "kernels/cuda/stream_marks.h"

namespace sphereface {

template <class T>
class CudaClassParallelHead {
 public:
  /// requires: options.head_group. arena: of this rank's classes, without gradients when only a
  /// sample of them is trained.
  CudaClassParallelHead(const GpuContext& context, const EngineOptions& options,
                        const Arena& arena);

  /// To be called before each run, as soon as the labels [batch] are on the GPU: asks for those of
  /// all ranks.
  void begin(std::span<const int32_t> labels);
  /// As CudaHead::run; x and dx of this rank's images.
  void run(std::span<const float> x, const HeadStep& step, float loss_scale, bool accumulate,
           std::span<float> dx, HeadStats* stats);
  /// Of the last run. requires: the stream's work is done.
  double exchangeSeconds() const;

  GpuExchange& exchange() { return *exchange_; }
  /// The sample that the last run trained; null when all classes are trained.
  const CudaClassSample* sample() const { return sample_ ? &*sample_ : nullptr; }
  size_t bytes() const;

 private:
  ClassRange trained() const;
  Arena trainedArena() const;
  EngineOptions headOptions() const;
  void chooseSample(uint64_t key);
  void combine(const HeadImages& of);
  template <class Exchange>
  void timed(size_t mark, const Exchange& exchange);

  const GpuContext& context_;
  EngineOptions options_;
  Arena arena_;
  std::unique_ptr<GpuExchange> exchange_;
  int images_;  // of all ranks
  std::optional<CudaClassSample> sample_;
  std::unique_ptr<CudaEnergy> energy_;
  CudaHead<T> head_;
  DeviceBuffer<int32_t> labels_;  // [images]
  DeviceBuffer<float> x_;         // [images, embedding]
  DeviceBuffer<float> dx_;        // [images, embedding]
  DeviceBuffer<float> tops_;      // [images]
  DeviceBuffer<float> sums_;      // [2, images]
  PinnedBuffer<int32_t> host_labels_;
  // Pairs, a begin and an end each.
  enum Mark : size_t {
    kLabels = 0,
    kEmbeddings = 2,
    kTops = 4,
    kSums = 6,
    kGradients = 8,
    kEnergyRows = 10,
    kMarks = 12
  };
  StreamMarks marks_{kMarks};
};

}  // namespace sphereface
