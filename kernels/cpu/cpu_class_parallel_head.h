// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <numeric>

#include "base/clock.h"
#include "kernels/class_parallel_head.h"
#include "kernels/cpu/class_sample.h"
#include "kernels/cpu/cpu_energy.h"
#include "kernels/cpu/cpu_head.h"

namespace sphereface {

/// A CPU's part in the steps of ClassParallelHead.
class CpuSpread {
 public:
  template <class T>
  using Buffer = AlignedBuffer<T>;
  using Head = CpuHead;
  using Sample = ClassSample;
  using Energy = CpuEnergy;
  using Exchange = HeadExchange;

  explicit CpuSpread(HeadExchange& exchange) : exchange_(exchange) {}

  HeadExchange& exchange() const { return exchange_; }

  static std::unique_ptr<CpuHead> makeHead(const EngineOptions& options, const Arena& arena) {
    return std::make_unique<CpuHead>(options, arena);
  }
  static std::unique_ptr<ClassSample> makeSample(const EngineOptions& options, int images) {
    return std::make_unique<ClassSample>(options.first_class, options.classes,
                                         options.network.embedding, options.head.sample_rate,
                                         images);
  }
  static std::unique_ptr<CpuEnergy> makeEnergy(const EngineOptions& options, int images) {
    return std::make_unique<CpuEnergy>(images, options.network.embedding, options.head.mhe_weight);
  }

  template <class Work>
  void timed(ExchangeStep step, const Work& work) {
    const double start = secondsNow();
    work();
    seconds_.at(step) = secondsNow() - start;
  }
  /// Of the first `steps`.
  double seconds(size_t steps) const {
    return std::accumulate(seconds_.begin(), seconds_.begin() + static_cast<ptrdiff_t>(steps), 0.0);
  }

  static void fetch(std::span<const int32_t> /*labels*/) {}
  static void choose(ClassSample& sample, std::span<const int32_t> labels, uint64_t key,
                     std::span<const float> W) {
    sample.choose(labels, key, W);
  }

  static void offerTops(const HeadWorkspace& of, std::span<float> tops);
  static void offerSums(const HeadWorkspace& of, std::span<const float> tops,
                        std::span<float> sums);
  static void takeSoftmax(std::span<const float> tops, std::span<const float> sums,
                          HeadWorkspace& of);

  /// rows: of all images; own: scratch, of this rank's.
  void gatherRows(CpuEnergy& energy, const int32_t* labels, const ClassRows& classes,
                  std::span<float> rows, std::span<float> own);

 private:
  HeadExchange& exchange_;
  std::array<double, kExchangeSteps> seconds_ = {};
};

using CpuClassParallelHead = ClassParallelHead<CpuSpread>;

/// What bytes() of one would be for `images` images of all ranks and `classes` classes here.
size_t classParallelHeadBytes(const HeadOptions& head, int images, int dim, int classes);

}  // namespace sphereface
