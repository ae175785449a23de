// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Eight neighbouring elements, moved as whole 16-byte words. Every tensor of the GPU's network and
// head has rows of whole packs, the last one filled up with zeros.

#pragma once

#include "kernels/bf16.h"

namespace sphereface {

constexpr int kPack = 8;

/// Before a loop over a pack that a thread has in registers.
#ifdef __CUDACC__
#define SPHEREFACE_UNROLL _Pragma("unroll")
#else
#define SPHEREFACE_UNROLL
#endif

template <class T>
struct alignas(16) Pack {
  T lane[kPack];
};

SPHEREFACE_HOST_DEVICE constexpr int paddedToPacks(int count) {
  return (count + kPack - 1) / kPack * kPack;
}

}  // namespace sphereface
