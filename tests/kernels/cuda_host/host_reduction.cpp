// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the GPU's engine has of NCCL for gradients, between processes of one machine. The sum is
// made in wait(), rank by rank.

#include <vector>

#include "base/error.h"
#include "kernels/cuda/gpu_network.h"
#include "kernels/cuda/sum_kernels.h"
#include "tests/kernels/cuda_host/rank_memory.h"

namespace sphereface {
namespace {

class HostReduction final : public DeviceReduction {
 public:
  HostReduction(const DeviceGroup& group, const DeviceSum& sum, size_t longest)
      : memory_(group), wire_(sum.as_bf16 ? longest : 0), in_tree_(sum.in_tree) {}

  void sum(std::span<float> range) override { ranges_.push_back(range); }

  void wait(std::chrono::seconds timeout) override {
    for (const std::span<float> range : ranges_) {
      if (range.size() > RankMemory::kNumbers) {
        throw Error("too many numbers for a reduction in the tests");
      }
      round(range);
      std::copy(range.begin(), range.end(), memory_.of(memory_.rank()));
      memory_.meet(timeout);
      add(range);
      round(range);
      memory_.meet(timeout);
    }
    ranges_.clear();
  }

  double busySeconds() const override { return 0; }

 private:
  void add(std::span<float> range) {
    if (in_tree_) {
      sumInTree(memory_.ranks(), RankMemory::kNumbers, memory_.of(0), range.size(), range.data(),
                nullptr);
      return;
    }
    std::fill(range.begin(), range.end(), 0.0F);
    for (int rank = 0; rank < memory_.ranks(); ++rank) {
      for (size_t k = 0; k < range.size(); ++k)
        range[k] += memory_.of(rank)[k];
    }
  }
  /// To what a bfloat16 has, if that is how numbers travel.
  void round(std::span<float> range) {
    if (wire_.empty()) return;
    if (range.size() > wire_.size()) throw Error("a range is longer than was said");
    roundToBf16(range.size(), range.data(), wire_.data(), nullptr);
    widenBf16(range.size(), wire_.data(), range.data(), nullptr);
  }

  RankMemory memory_;
  std::vector<Bf16> wire_;
  bool in_tree_;
  std::vector<std::span<float>> ranges_;
};

}  // namespace

std::unique_ptr<DeviceReduction> joinGpuGroup(const GpuContext&, const DeviceGroup& group,
                                              const DeviceSum& sum, size_t longest) {
  return std::make_unique<HostReduction>(group, sum, longest);
}

}  // namespace sphereface
