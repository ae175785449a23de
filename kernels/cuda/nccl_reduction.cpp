// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <algorithm>
#include <optional>
#include <utility>

#include "base/positive.h"
#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/gpu_network.h"
#include "kernels/cuda/nccl_communicator.h"
#include "kernels/cuda/sum_kernels.h"

namespace sphereface {
namespace {

constexpr const char* kSumming = "sum gradients";

// Numbers that are added in a tree at a time.
constexpr size_t kChunk = size_t{4} << 20;

class NcclReduction final : public DeviceReduction {
 public:
  NcclReduction(const GpuContext& context, const DeviceGroup& group, const DeviceSum& sum,
                size_t longest)
      : context_(context),
        group_(group),
        communicator_(std::in_place, group),
        wire_(sum.as_bf16 ? longest : 0),
        parts_(sum.in_tree ? kChunk + positive(group.ranks) : 0) {
    if (sum.in_tree && group.ranks > kMostTreeParts) {
      throw Error(concat("sums over GPUs in reproducible mode: ", group.ranks,
                         " ranks; there can be ", kMostTreeParts));
    }
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream");
    for (cudaEvent_t* event : {&begun_, &ended_})
      check(cudaEventCreate(event), "make an event");
  }
  NcclReduction(const NcclReduction&) = delete;
  NcclReduction& operator=(const NcclReduction&) = delete;
  ~NcclReduction() override {
    communicator_.reset();  // ends what is under way on the stream
    for (const cudaEvent_t event : {begun_, ended_})
      static_cast<void>(cudaEventDestroy(event));
    static_cast<void>(cudaStreamDestroy(stream_));
  }

  void sum(std::span<float> range) override {
    check(cudaStreamWaitEvent(stream_, context_.final(), 0), "wait for an event");
    if (!summing_) check(cudaEventRecord(begun_, stream_), "record an event");
    summing_ = true;
    if (wire_.size() > 0) {
      roundToBf16(range.size(), range.data(), wire_.data(), stream_);
      sumAcross(wire_.data(), range.size(), ncclBfloat16);
      widenBf16(range.size(), wire_.data(), range.data(), stream_);
    } else if (parts_.size() > 0) {
      for (size_t begin = 0; begin < range.size(); begin += kChunk)
        sumInSlices(range.subspan(begin, std::min(kChunk, range.size() - begin)));
    } else {
      sumAcross(range.data(), range.size(), ncclFloat);
    }
  }

  void wait(std::chrono::seconds timeout) override {
    if (!summing_) return;
    summing_ = false;
    check(cudaEventRecord(ended_, stream_), "record an event");
    check(cudaStreamWaitEvent(context_.stream(), ended_, 0), "wait for an event");
    communicator_->wait(ended_, timeout, kSumming);
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begun_, ended_), "read an event");
    busy_seconds_ = static_cast<double>(milliseconds) / 1000;
  }

  double busySeconds() const override { return busy_seconds_; }

 private:
  void sumAcross(void* numbers, size_t count, ncclDataType_t type) const {
    communicator_->check(
        ncclAllReduce(numbers, numbers, count, type, ncclSum, communicator_->get(), stream_),
        kSumming);
  }

  /// Each rank collects its slice from all ranks, adds, and hands the sum out.
  void sumInSlices(std::span<float> chunk) const {
    const int ranks = group_.ranks;
    const auto slice = [&](int rank) {
      const size_t begin = chunk.size() * positive(rank) / positive(ranks);
      return chunk.subspan(begin, chunk.size() * (positive(rank) + 1) / positive(ranks) - begin);
    };
    const std::span<float> own = slice(group_.rank);
    together([&] {
      for (int rank = 0; rank < ranks; ++rank) {
        send(slice(rank), rank);
        receive({parts_.data() + positive(rank) * own.size(), own.size()}, rank);
      }
    });
    if (!own.empty()) sumInTree(ranks, own.size(), parts_.data(), own.size(), own.data(), stream_);
    together([&] {
      for (int rank = 0; rank < ranks; ++rank) {
        if (rank == group_.rank) continue;
        send(own, rank);
        receive(slice(rank), rank);
      }
    });
  }
  /// Sends and receives that wait for each other.
  template <class Transfers>
  void together(const Transfers& transfers) const {
    communicator_->check(ncclGroupStart(), kSumming);
    transfers();
    communicator_->check(ncclGroupEnd(), kSumming);
  }
  void send(std::span<const float> numbers, int to) const {
    if (numbers.empty()) return;
    communicator_->check(
        ncclSend(numbers.data(), numbers.size(), ncclFloat, to, communicator_->get(), stream_),
        kSumming);
  }
  void receive(std::span<float> numbers, int from) const {
    if (numbers.empty()) return;
    communicator_->check(
        ncclRecv(numbers.data(), numbers.size(), ncclFloat, from, communicator_->get(), stream_),
        kSumming);
  }

  const GpuContext& context_;
  DeviceGroup group_;
  std::optional<NcclCommunicator> communicator_;
  DeviceBuffer<Bf16> wire_;    // a range on its way, where it is rounded
  DeviceBuffer<float> parts_;  // all ranks' slices of a chunk, where they are added in a tree
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begun_ = nullptr;
  cudaEvent_t ended_ = nullptr;
  bool summing_ = false;
  double busy_seconds_ = 0;
};

}  // namespace

std::unique_ptr<DeviceReduction> joinGpuGroup(const GpuContext& context, const DeviceGroup& group,
                                              const DeviceSum& sum, size_t longest) {
  return std::make_unique<NcclReduction>(context, group, sum, longest);
}

}  // namespace sphereface
