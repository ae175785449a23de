// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cuda_runtime.h>
#include <nccl.h>

#include <chrono>
#include <string>

#include "kernels/device_reduction.h"

namespace sphereface {

/// This rank's part in a group of GPUs. Errors of NCCL are Errors that name the rank.
class NcclCommunicator {
 public:
  /// Waits for the group's other ranks.
  explicit NcclCommunicator(const DeviceGroup& group);
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;
  /// Without waiting for ranks that may be gone.
  ~NcclCommunicator();

  ncclComm_t get() const { return communicator_; }
  int ranks() const { return ranks_; }

  /// `attempt`: "sum gradients".
  void check(ncclResult_t status, const char* attempt) const;

  /// Until the event is done. errors: Error when it takes longer, or the network fails meanwhile.
  void wait(cudaEvent_t event, std::chrono::seconds timeout, const char* attempt) const;

 private:
  std::string who_;
  int ranks_;
  ncclComm_t communicator_ = nullptr;
};

}  // namespace sphereface
