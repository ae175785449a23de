// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/sum_kernels.h"

namespace sphereface {
namespace {

constexpr int kLevels = 12;
static_assert(kMostTreeParts == 1 << kLevels);

__global__ void addToKernel(size_t count, const float* from, float* to) {
  const size_t at = threadIndex();
  if (at < count) to[at] = from[at] + to[at];
}

/// As a binary counter (kernels/shard_tree.h).
__global__ void sumInTreeKernel(int part_count, size_t pitch, const float* parts, size_t count,
                                float* sum) {
  const size_t at = threadIndex();
  if (at >= count) return;
  float kept[kLevels] = {};
  float value = 0;
  for (int part = 0; part < part_count; ++part) {
    value = parts[static_cast<size_t>(part) * pitch + at];
    bool carries = true;
#ifdef __CUDACC__
#pragma unroll  // so that the levels are in registers
#endif
    for (int level = 0; level < kLevels; ++level) {
      const bool holds = (part >> level & 1) != 0;
      if (carries && holds) value = kept[level] + value;
      if (carries && !holds) {
        kept[level] = value;
        carries = false;
      }
    }
  }
  sum[at] = value;
}

__global__ void roundToBf16Kernel(size_t count, const float* from, Bf16* to) {
  const size_t at = threadIndex();
  if (at < count) storeFloat(to[at], from[at]);
}

__global__ void widenBf16Kernel(size_t count, const Bf16* from, float* to) {
  const size_t at = threadIndex();
  if (at < count) to[at] = toFloat(from[at]);
}

}  // namespace

void addTo(size_t count, const float* from, float* to, cudaStream_t stream) {
  launch("add gradients", addToKernel, threadEach(count), stream, count, from, to);
}

void sumInTree(int part_count, size_t pitch, const float* parts, size_t count, float* sum,
               cudaStream_t stream) {
  launch("add parts of a sum", sumInTreeKernel, threadEach(count), stream, part_count, pitch, parts,
         count, sum);
}

void roundToBf16(size_t count, const float* from, Bf16* to, cudaStream_t stream) {
  launch("round to bfloat16", roundToBf16Kernel, threadEach(count), stream, count, from, to);
}

void widenBf16(size_t count, const Bf16* from, float* to, cudaStream_t stream) {
  launch("widen bfloat16", widenBf16Kernel, threadEach(count), stream, count, from, to);
}

}  // namespace sphereface
