// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Sums and maxima over the threads of a warp or block, in an order that depends on their number
// alone. All threads get the result.

#pragma once

namespace sphereface {

constexpr int kWarp = 32;

struct Add {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Larger {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

/// requires: all threads of the warp call it.
template <class T, class Combine>
__device__ T warpReduce(T value, Combine combine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2)
    value = combine(value, __shfl_xor_sync(0xffffffffU, value, distance));
  return value;
}

/// requires: all threads of the block call it, kThreads in one dimension, whole warps.
template <int kThreads, class T, class Combine>
__device__ T blockReduce(T value, T identity, Combine combine) {
  constexpr int kWarps = kThreads / kWarp;
  static_assert(kThreads % kWarp == 0 && kWarps <= kWarp);
  __shared__ T of_warp[kWarps];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  value = warpReduce(value, combine);
  if (lane == 0) of_warp[threadIdx.x / kWarp] = value;
  __syncthreads();
  value = warpReduce(lane < kWarps ? of_warp[lane] : identity, combine);
  // Before the next reduction writes there.
  __syncthreads();
  return value;
}

}  // namespace sphereface
