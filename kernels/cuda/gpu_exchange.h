// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <memory>

#include "kernels/cuda/gpu_context.h"
#include "kernels/head_exchange.h"

namespace sphereface {

/// The exchange between GPUs: spans are of their memory; a call is put on the context's stream and
/// returns at once.
class GpuExchange : public HeadExchange {
 public:
  /// Waits for an event on the stream. errors: Error naming this rank when it takes longer than the
  /// group's timeout, or the network fails; the exchange is of no use then.
  virtual void wait(cudaEvent_t event) = 0;
};

/// By NCCL. errors: Error of the library.
std::unique_ptr<GpuExchange> joinGpuExchange(const GpuContext& context, const HeadGroup& ranks);

}  // namespace sphereface
