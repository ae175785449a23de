// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/wire_kernels.h"

#include "kernels/cuda/launch.cuh"

namespace sphereface {
namespace {

__global__ void roundToBf16Kernel(size_t count, const float* from, Bf16* to) {
  const size_t at = threadIndex();
  if (at < count) storeFloat(to[at], from[at]);
}

__global__ void widenBf16Kernel(size_t count, const Bf16* from, float* to) {
  const size_t at = threadIndex();
  if (at < count) to[at] = toFloat(from[at]);
}

}  // namespace

void roundToBf16(size_t count, const float* from, Bf16* to, cudaStream_t stream) {
  launch("round to bfloat16", roundToBf16Kernel, threadEach(count), stream, count, from, to);
}

void widenBf16(size_t count, const Bf16* from, float* to, cudaStream_t stream) {
  launch("widen bfloat16", widenBf16Kernel, threadEach(count), stream, count, from, to);
}

}  // namespace sphereface
