// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Blocks that run at the same time and read each other's shared memory: a cluster
// (LaunchShape::cluster). Cards before compute capability 9.0 have none but those of one block.

#pragma once

#include <cooperative_groups.h>

namespace sphereface {

/// A thread's arrival at a point that all threads of all blocks of the cluster come to.
inline __device__ void clusterArrive() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  cooperative_groups::this_cluster().barrier_arrive();
#endif
}

/// Waits until all have arrived; what they wrote to shared memory before is seen after.
inline __device__ void clusterWait() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  cooperative_groups::this_cluster().barrier_wait();
#else
  __syncthreads();
#endif
}

inline __device__ void clusterBarrier() {
  clusterArrive();
  clusterWait();
}

/// What another block of the cluster has where this one has `own`, in the shared memory that the
/// launch asked for. That block must not end before it is read.
template <class T>
__device__ const T* ofClusterBlock(T* own, int block) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
  static_cast<void>(block);
  return own;
#else
  return cooperative_groups::this_cluster().map_shared_rank(own, block);
#endif
}

}  // namespace sphereface
