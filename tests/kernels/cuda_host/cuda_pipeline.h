// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Stands in for CUDA's header of this name (cuda_runtime.h here). What is copied to shared memory
// arrives when the thread waits for it, and not before.

#pragma once

#include "tests/kernels/cuda_host/cuda_runtime.h"

// The names are NVIDIA's.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)

inline void __pipeline_memcpy_async(void* shared, const void* global, size_t bytes) {
  cuda_host::copyLater(shared, global, bytes);
}
inline void __pipeline_commit() {}
/// requires: newest 0.
inline void __pipeline_wait_prior(size_t) {
  cuda_host::finishCopies();
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
