// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Numbers as bfloat16, for the way between GPUs.

#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "kernels/bf16.h"

namespace sphereface {

void roundToBf16(size_t count, const float* from, Bf16* to, cudaStream_t stream);
void widenBf16(size_t count, const Bf16* from, float* to, cudaStream_t stream);

}  // namespace sphereface
