// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <optional>
#include <utility>

#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/gpu_reduction.h"
#include "kernels/cuda/nccl_communicator.h"
#include "kernels/cuda/wire_kernels.h"

namespace sphereface {
namespace {

constexpr const char* kSumming = "sum gradients";

class NcclReduction final : public DeviceReduction {
 public:
  NcclReduction(const GpuContext& context, const DeviceGroup& group, size_t rounded)
      : context_(context), communicator_(std::in_place, group), wire_(rounded) {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream");
    for (cudaEvent_t* event : {&begun_, &ended_})
      check(cudaEventCreate(event), "make an event");
    check(cudaEventCreateWithFlags(&computed_, cudaEventDisableTiming), "make an event");
  }
  NcclReduction(const NcclReduction&) = delete;
  NcclReduction& operator=(const NcclReduction&) = delete;
  ~NcclReduction() override {
    communicator_.reset();  // ends what is under way on the stream
    for (const cudaEvent_t event : {begun_, ended_, computed_})
      static_cast<void>(cudaEventDestroy(event));
    static_cast<void>(cudaStreamDestroy(stream_));
  }

  void sum(std::span<float> range) override {
    check(cudaEventRecord(computed_, context_.stream()), "record an event");
    check(cudaStreamWaitEvent(stream_, computed_, 0), "wait for an event");
    if (!summing_) check(cudaEventRecord(begun_, stream_), "record an event");
    summing_ = true;
    if (wire_.size() == 0) {
      sumAcross(range.data(), range.size(), ncclFloat);
      return;
    }
    roundToBf16(range.size(), range.data(), wire_.data(), stream_);
    sumAcross(wire_.data(), range.size(), ncclBfloat16);
    widenBf16(range.size(), wire_.data(), range.data(), stream_);
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

  const GpuContext& context_;
  std::optional<NcclCommunicator> communicator_;
  DeviceBuffer<Bf16> wire_;  // a range on its way, where it is rounded
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begun_ = nullptr;
  cudaEvent_t ended_ = nullptr;
  cudaEvent_t computed_ = nullptr;
  bool summing_ = false;
  double busy_seconds_ = 0;
};

}  // namespace

std::unique_ptr<DeviceReduction> joinGpuGroup(const GpuContext& context, const DeviceGroup& group,
                                              size_t rounded) {
  return std::make_unique<NcclReduction>(context, group, rounded);
}

}  // namespace sphereface
