// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>

#include "base/error.h"
#include "kernels/cuda/gpu_network.h"
#include "kernels/cuda/nccl_communicator.h"

namespace sphereface {
namespace {

constexpr const char* kExchanging = "exchange between heads";

class NcclExchange final : public GpuExchange {
 public:
  NcclExchange(const GpuContext& context, const HeadGroup& ranks)
      : context_(context),
        first_image_(ranks.first_image),
        timeout_(ranks.timeout),
        communicator_(ranks.group) {
    if (first_image_.size() != static_cast<size_t>(ranks.group.ranks) + 1) {
      throw Error(concat("NCCL: images of ", first_image_.size() - 1, " ranks, expected ",
                         ranks.group.ranks));
    }
  }

  int images() const override { return first_image_.back(); }

  void gather(std::span<const float> own, std::span<float> all) override {
    gatherOf(own, all, ncclFloat);
  }
  void gather(std::span<const int32_t> own, std::span<int32_t> all) override {
    gatherOf(own, all, ncclInt32);
  }

  void maximum(std::span<float> values) override { reduce(values, ncclMax); }
  void sum(std::span<float> values) override { reduce(values, ncclSum); }

  void scatterSum(std::span<float> all, std::span<float> own) override {
    if (evenly()) {
      put(ncclReduceScatter(all.data(), own.data(), own.size(), ncclFloat, ncclSum,
                            communicator_.get(), context_.stream()));
      return;
    }
    forRanks(all, [&](int rank, std::span<float> part) {
      put(ncclReduce(part.data(), own.data(), part.size(), ncclFloat, ncclSum, rank,
                     communicator_.get(), context_.stream()));
    });
  }

  void wait(cudaEvent_t event) override { communicator_.wait(event, timeout_, kExchanging); }

 private:
  void put(ncclResult_t status) const { communicator_.check(status, kExchanging); }

  int imagesOf(int rank) const {
    const auto at = static_cast<size_t>(rank);
    return first_image_[at + 1] - first_image_[at];
  }
  bool evenly() const {
    for (int rank = 1; rank < communicator_.ranks(); ++rank) {
      if (imagesOf(rank) != imagesOf(0)) return false;
    }
    return true;
  }

  /// operation(rank, its images' numbers in `all`), all of them as one.
  template <class T, class Operation>
  void forRanks(std::span<T> all, const Operation& operation) const {
    const size_t width = all.size() / static_cast<size_t>(images());
    put(ncclGroupStart());
    for (int rank = 0; rank < communicator_.ranks(); ++rank) {
      const auto first = static_cast<size_t>(first_image_[static_cast<size_t>(rank)]);
      operation(rank, all.subspan(first * width, static_cast<size_t>(imagesOf(rank)) * width));
    }
    put(ncclGroupEnd());
  }

  template <class T>
  void gatherOf(std::span<const T> own, std::span<T> all, ncclDataType_t type) const {
    if (evenly()) {
      put(ncclAllGather(own.data(), all.data(), own.size(), type, communicator_.get(),
                        context_.stream()));
      return;
    }
    forRanks(all, [&](int rank, std::span<T> part) {
      put(ncclBroadcast(own.data(), part.data(), part.size(), type, rank, communicator_.get(),
                        context_.stream()));
    });
  }

  void reduce(std::span<float> values, ncclRedOp_t operation) const {
    put(ncclAllReduce(values.data(), values.data(), values.size(), ncclFloat, operation,
                      communicator_.get(), context_.stream()));
  }

  const GpuContext& context_;
  std::vector<int> first_image_;
  std::chrono::seconds timeout_;
  NcclCommunicator communicator_;
};

}  // namespace

std::unique_ptr<GpuExchange> joinGpuExchange(const GpuContext& context, const HeadGroup& ranks) {
  return std::make_unique<NcclExchange>(context, ranks);
}

}  // namespace sphereface
