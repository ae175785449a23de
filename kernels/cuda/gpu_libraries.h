// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// cuDNN and cuBLASLt on one GPU: for the files that call them.

#pragma once

#include <cublasLt.h>
#include <cudnn.h>

#include "kernels/cuda/device_buffer.h"

namespace sphereface {

struct GpuLibraries {
  cudnnHandle_t cudnn = nullptr;
  cublasLtHandle_t cublas = nullptr;
  DeviceBuffer<uint8_t> matrix_workspace;  // of one product at a time
};

}  // namespace sphereface
