// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cuda_runtime.h>

#include "base/error.h"

namespace sphereface {

/// errors: Error with what was attempted and what the runtime says, unless status is success.
inline void check(cudaError_t status, const char* attempt) {
  if (status == cudaSuccess) return;
  throw Error(concat("CUDA: ", attempt, ": ", cudaGetErrorString(status), " (", status, ")"));
}

}  // namespace sphereface
