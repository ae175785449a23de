// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "kernels/cuda/check.h"

namespace sphereface {

struct LaunchShape {
  dim3 grid;
  dim3 block;
  size_t shared_bytes = 0;  // beside the kernel's own
  unsigned cluster = 1;     // blocks, neighbours in x (kernels/cuda/cluster.cuh)
};

/// What CUDA is told of a shape.
class LaunchConfig {
 public:
  LaunchConfig(const LaunchShape& shape, cudaStream_t stream) {
    config_.gridDim = shape.grid;
    config_.blockDim = shape.block;
    config_.dynamicSmemBytes = shape.shared_bytes;
    config_.stream = stream;
    if (shape.cluster == 1) return;
    cluster_.id = cudaLaunchAttributeClusterDimension;
    cluster_.val.clusterDim.x = shape.cluster;
    cluster_.val.clusterDim.y = cluster_.val.clusterDim.z = 1;
    config_.attrs = &cluster_;
    config_.numAttrs = 1;
  }
  LaunchConfig(const LaunchConfig&) = delete;
  LaunchConfig& operator=(const LaunchConfig&) = delete;

  const cudaLaunchConfig_t* get() const { return &config_; }

 private:
  cudaLaunchAttribute cluster_ = {};
  cudaLaunchConfig_t config_ = {};
};

/// Starts kernel(args...) on the stream.
template <class... Expected, class... Args>
void launch(const char* name, void (*kernel)(Expected...), const LaunchShape& shape,
            cudaStream_t stream, Args... args) {
  const LaunchConfig config(shape, stream);
  check(cudaLaunchKernelEx(config.get(), kernel, static_cast<Expected>(args)...), name);
}

/// Blocks of `size` that hold `count`.
constexpr unsigned blocksFor(size_t count, size_t size) {
  return static_cast<unsigned>((count + size - 1) / size);
}

/// A thread for each of `count` things.
constexpr int kThreadsEach = 256;
inline LaunchShape threadEach(size_t count) {
  return {dim3(blocksFor(count, kThreadsEach)), dim3(kThreadsEach)};
}
/// Of this thread's thing.
inline __device__ size_t threadIndex() {
  return static_cast<size_t>(blockIdx.x) * kThreadsEach + threadIdx.x;
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
