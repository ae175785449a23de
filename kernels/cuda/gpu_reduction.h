// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <memory>

#include "kernels/cuda/gpu_context.h"
#include "kernels/device_reduction.h"

namespace sphereface {

/// As Engine::join, by NCCL. errors: Error of the library.
std::unique_ptr<DeviceReduction> joinGpuGroup(const GpuContext& context, const DeviceGroup& group);

}  // namespace sphereface
