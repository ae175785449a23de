// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What ranks with a GPU each have of the network between GPUs, by NCCL. Errors of all: Error of the
// library.

#pragma once

#include <cstddef>
#include <memory>

#include "kernels/cuda/gpu_context.h"
#include "kernels/device_reduction.h"
#include "kernels/head_exchange.h"

namespace sphereface {

/// As Engine::join. longest: numbers of the longest range.
std::unique_ptr<DeviceReduction> joinGpuGroup(const GpuContext& context, const DeviceGroup& group,
                                              const DeviceSum& sum, size_t longest);

/// The exchange between heads: spans are of the GPUs' memory; a call is put on the context's stream
/// and returns at once.
class GpuExchange : public HeadExchange {
 public:
  /// Waits for an event on the stream. errors: Error naming this rank when it takes longer than the
  /// group's timeout, or the network fails; the exchange is of no use then.
  virtual void wait(cudaEvent_t event) = 0;
};

std::unique_ptr<GpuExchange> joinGpuExchange(const GpuContext& context, const HeadGroup& ranks);

}  // namespace sphereface
