// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/nccl_communicator.h"

#include <cstring>
#include <thread>

#include "base/clock.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/cuda_engine.h"

namespace sphereface {
namespace {

constexpr std::chrono::microseconds kLook{20};

[[noreturn]] void fail(ncclResult_t status, const std::string& attempt) {
  throw Error(
      concat("NCCL: ", attempt, ": ", ncclGetErrorString(status), " ", ncclGetLastError(nullptr)));
}

}  // namespace

NcclCommunicator::NcclCommunicator(const DeviceGroup& group)
    : who_(concat("rank ", group.rank, " of ", group.ranks)), ranks_(group.ranks) {
  ncclUniqueId id = {};
  if (group.id.size() != sizeof(id.internal)) {
    throw Error(concat("NCCL: a group's id of ", group.id.size(), " bytes, expected ",
                       sizeof(id.internal)));
  }
  std::memcpy(id.internal, group.id.data(), sizeof(id.internal));
  check(ncclCommInitRank(&communicator_, group.ranks, id, group.rank), "join");
}

NcclCommunicator::~NcclCommunicator() {
  static_cast<void>(ncclCommAbort(communicator_));
}

void NcclCommunicator::check(ncclResult_t status, const char* attempt) const {
  if (status != ncclSuccess) fail(status, concat(attempt, ", ", who_));
}

void NcclCommunicator::wait(cudaEvent_t event, std::chrono::seconds timeout,
                            const char* attempt) const {
  Patience patience(timeout);
  while (true) {
    const cudaError_t status = cudaEventQuery(event);
    if (status == cudaSuccess) return;
    if (status != cudaErrorNotReady) sphereface::check(status, attempt);
    ncclResult_t failure = ncclSuccess;
    check(ncclCommGetAsyncError(communicator_, &failure), "ask for errors");
    check(failure, attempt);
    if (patience.over()) {
      throw Error(concat("NCCL: ", attempt, ", ", who_, ": not done after ", timeout.count(),
                         " s: another rank has stopped, or can't be reached"));
    }
    std::this_thread::sleep_for(kLook);
  }
}

std::string newGpuGroup() {
  ncclUniqueId id = {};
  const ncclResult_t status = ncclGetUniqueId(&id);
  if (status != ncclSuccess) fail(status, "make a group");
  return {id.internal, sizeof(id.internal)};
}

}  // namespace sphereface
