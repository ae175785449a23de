// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// For kernels that give each row of a matrix a warp.

#pragma once

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"

namespace sphereface {

constexpr int kRowThreads = 256;
constexpr int kRowWarps = kRowThreads / kWarp;

inline LaunchShape warpEach(int rows) {
  return {dim3(blocksFor(static_cast<size_t>(rows), kRowWarps)), dim3(kRowThreads)};
}

/// This thread's row.
inline __device__ size_t warpRow() {
  return static_cast<size_t>(blockIdx.x) * kRowWarps + threadIdx.x / kWarp;
}
inline __device__ int laneOfWarp() {
  return static_cast<int>(threadIdx.x) % kWarp;
}

inline __device__ double warpDot(const float* a, const float* b, int count) {
  double sum = 0;
  for (int k = laneOfWarp(); k < count; k += kWarp)
    sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return warpReduce(sum, Add());
}

}  // namespace sphereface
