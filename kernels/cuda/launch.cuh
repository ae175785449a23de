// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "kernels/cuda/check.h"

namespace sphereface {

struct LaunchShape {
  dim3 grid;
  dim3 block;
  size_t shared_bytes = 0;  // beside the kernel's own
};

/// Starts kernel(args...) on the stream.
template <class... Expected, class... Args>
void launch(const char* name, void (*kernel)(Expected...), const LaunchShape& shape,
            cudaStream_t stream, Args... args) {
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Expected>(args)...), name);
}

/// Blocks of `size` that hold `count`.
constexpr unsigned blocksFor(size_t count, size_t size) {
  return static_cast<unsigned>((count + size - 1) / size);
}

/// The shared memory that a launch asked for.
template <class T>
__device__ T* dynamicShared() {
#ifdef __CUDACC__
  extern __shared__ __align__(16) unsigned char dynamic_shared_memory[];
  return reinterpret_cast<T*>(dynamic_shared_memory);
#else
  return static_cast<T*>(cuda_host::dynamicSharedMemory());
#endif
}

}  // namespace sphereface
