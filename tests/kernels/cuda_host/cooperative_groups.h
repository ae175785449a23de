// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Stands in for CUDA's header of this name (cuda_runtime.h here): of it, clusters.

#pragma once

#include "tests/kernels/cuda_host/cuda_runtime.h"

// The names are NVIDIA's.
// NOLINTBEGIN(readability-identifier-naming)

namespace cooperative_groups {

struct cluster_group {
  static void barrier_arrive() { cuda_host::arriveAtCluster(); }
  static void barrier_wait() { cuda_host::waitForCluster(); }
  /// requires: `own` is in the launch's shared memory.
  template <class T>
  static T* map_shared_rank(T* own, int block) {
    return static_cast<T*>(cuda_host::sharedMemoryOf(own, static_cast<unsigned>(block)));
  }
};

inline cluster_group this_cluster() {
  return {};
}

}  // namespace cooperative_groups

// NOLINTEND(readability-identifier-naming)
