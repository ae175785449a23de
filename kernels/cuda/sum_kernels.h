// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Sums of gradients over shards and ranks.

#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "kernels/bf16.h"

namespace sphereface {

/// to += from.
void addTo(size_t count, const float* from, float* to, cudaStream_t stream);

/// Largest `part_count` of sumInTree.
constexpr int kMostTreeParts = 4096;

/// sum [count] = the parts' sum in the order of a binary tree: of parts 0 to 3, (0+1)+(2+3). Part p
/// begins at parts + p * pitch. part_count: a power of two. `sum` may be one of the parts.
void sumInTree(int part_count, size_t pitch, const float* parts, size_t count, float* sum,
               cudaStream_t stream);

/// Numbers as bfloat16, for the way between GPUs.
void roundToBf16(size_t count, const float* from, Bf16* to, cudaStream_t stream);
void widenBf16(size_t count, const Bf16* from, float* to, cudaStream_t stream);

}  // namespace sphereface
