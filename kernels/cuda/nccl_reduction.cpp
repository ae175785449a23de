// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <nccl.h>

#include <array>
#include <cstring>
#include <thread>

#include "kernels/cuda/check.h"
#include "kernels/cuda/gpu_reduction.h"

namespace sphereface {
namespace {

void checkNccl(ncclResult_t status, const std::string& attempt) {
  if (status == ncclSuccess) return;
  throw Error(
      concat("NCCL: ", attempt, ": ", ncclGetErrorString(status), " ", ncclGetLastError(nullptr)));
}

class NcclReduction final : public DeviceReduction {
 public:
  NcclReduction(const GpuContext& context, const DeviceGroup& group)
      : context_(context), who_(concat("rank ", group.rank, " of ", group.ranks)) {
    ncclUniqueId id = {};
    if (group.id.size() != sizeof(id.internal)) {
      throw Error(concat("NCCL: a group's id of ", group.id.size(), " bytes, expected ",
                         sizeof(id.internal)));
    }
    std::memcpy(id.internal, group.id.data(), sizeof(id.internal));
    checkNccl(ncclCommInitRank(&communicator_, group.ranks, id, group.rank), "join as " + who_);
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream");
    for (cudaEvent_t* event : {&begun_, &ended_})
      check(cudaEventCreate(event), "make an event");
    check(cudaEventCreateWithFlags(&computed_, cudaEventDisableTiming), "make an event");
  }
  NcclReduction(const NcclReduction&) = delete;
  NcclReduction& operator=(const NcclReduction&) = delete;
  ~NcclReduction() override {
    // Without waiting for ranks that may be gone.
    static_cast<void>(ncclCommAbort(communicator_));
    for (const cudaEvent_t event : {begun_, ended_, computed_})
      static_cast<void>(cudaEventDestroy(event));
    static_cast<void>(cudaStreamDestroy(stream_));
  }

  void sum(std::span<float> range) override {
    check(cudaEventRecord(computed_, context_.stream()), "record an event");
    check(cudaStreamWaitEvent(stream_, computed_, 0), "wait for an event");
    if (!summing_) check(cudaEventRecord(begun_, stream_), "record an event");
    summing_ = true;
    checkNccl(ncclAllReduce(range.data(), range.data(), range.size(), ncclFloat, ncclSum,
                            communicator_, stream_),
              "sum gradients, " + who_);
  }

  void wait(std::chrono::seconds timeout) override {
    if (!summing_) return;
    summing_ = false;
    check(cudaEventRecord(ended_, stream_), "record an event");
    check(cudaStreamWaitEvent(context_.stream(), ended_, 0), "wait for an event");
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (true) {
      const cudaError_t status = cudaEventQuery(ended_);
      if (status == cudaSuccess) break;
      if (status != cudaErrorNotReady) check(status, "sum gradients");
      ncclResult_t failure = ncclSuccess;
      checkNccl(ncclCommGetAsyncError(communicator_, &failure), "ask for errors");
      if (failure != ncclSuccess) checkNccl(failure, "sum gradients, " + who_);
      if (std::chrono::steady_clock::now() > end) {
        throw Error(concat("NCCL: the sum of gradients took longer than ", timeout.count(),
                           " s on ", who_, ": another rank has stopped, or can't be reached"));
      }
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begun_, ended_), "read an event");
    busy_seconds_ = static_cast<double>(milliseconds) / 1000;
  }

  double busySeconds() const override { return busy_seconds_; }

 private:
  const GpuContext& context_;
  std::string who_;
  ncclComm_t communicator_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begun_ = nullptr;
  cudaEvent_t ended_ = nullptr;
  cudaEvent_t computed_ = nullptr;
  bool summing_ = false;
  double busy_seconds_ = 0;
};

}  // namespace

std::string newGpuGroup() {
  ncclUniqueId id = {};
  checkNccl(ncclGetUniqueId(&id), "make a group");
  return {id.internal, sizeof(id.internal)};
}

std::unique_ptr<DeviceReduction> joinGpuGroup(const GpuContext& context, const DeviceGroup& group) {
  return std::make_unique<NcclReduction>(context, group);
}

}  // namespace sphereface
