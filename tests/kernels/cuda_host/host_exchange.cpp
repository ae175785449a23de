// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the GPU's engine has of NCCL between heads, between processes of one machine.

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/cuda/gpu_network.h"
#include "tests/kernels/cuda_host/rank_memory.h"

namespace sphereface {
namespace {

static_assert(sizeof(float) == sizeof(int32_t));

class HostExchange final : public GpuExchange {
 public:
  explicit HostExchange(const HeadGroup& ranks)
      : memory_(ranks.group), first_image_(ranks.first_image), timeout_(ranks.timeout) {}

  int images() const override { return first_image_.back(); }

  void gather(std::span<const float> own, std::span<float> all) override { gatherOf(own, all); }
  void gather(std::span<const int32_t> own, std::span<int32_t> all) override { gatherOf(own, all); }

  void maximum(std::span<float> values) override {
    reduce(values, values, 0, [](float a, float b) { return std::max(a, b); });
  }
  void sum(std::span<float> values) override { reduce(values, values, 0, std::plus<float>()); }

  void scatterSum(std::span<float> all, std::span<float> own) override {
    reduce(all, own, offsetOf(memory_.rank(), widthOf(all)), std::plus<float>());
  }

  void wait(cudaEvent_t) override {}

 private:
  template <class T>
  size_t widthOf(std::span<T> all) const {
    return all.size() / static_cast<size_t>(images());
  }
  size_t offsetOf(int rank, size_t width) const {
    return static_cast<size_t>(first_image_.at(static_cast<size_t>(rank))) * width;
  }

  template <class T>
  void give(std::span<T> values) {
    if (values.size() > RankMemory::kNumbers) {
      throw Error("too many numbers for an exchange in the tests");
    }
    std::memcpy(memory_.of(memory_.rank()), values.data(), values.size_bytes());
    memory_.meet(timeout_);
  }

  template <class T>
  void gatherOf(std::span<const T> own, std::span<T> all) {
    const size_t width = widthOf(all);
    if (own.size() != offsetOf(memory_.rank() + 1, width) - offsetOf(memory_.rank(), width)) {
      throw Error("exchange: not this rank's images");
    }
    give(own);
    for (int rank = 0; rank < memory_.ranks(); ++rank) {
      const size_t begin = offsetOf(rank, width);
      std::memcpy(all.data() + begin, memory_.of(rank),
                  (offsetOf(rank + 1, width) - begin) * sizeof(T));
    }
    memory_.meet(timeout_);
  }

  /// to = the ranks' numbers from `begin` on, rank by rank.
  template <class Operation>
  void reduce(std::span<float> from, std::span<float> to, size_t begin,
              const Operation& operation) {
    give(from);
    std::copy_n(memory_.of(0) + begin, to.size(), to.begin());
    for (int rank = 1; rank < memory_.ranks(); ++rank) {
      const float* const other = memory_.of(rank) + begin;
      std::transform(to.begin(), to.end(), other, to.begin(), operation);
    }
    memory_.meet(timeout_);
  }

  RankMemory memory_;
  std::vector<int> first_image_;
  std::chrono::seconds timeout_;
};

}  // namespace

std::unique_ptr<GpuExchange> joinGpuExchange(const GpuContext&, const HeadGroup& ranks) {
  return std::make_unique<HostExchange>(ranks);
}

}  // namespace sphereface
