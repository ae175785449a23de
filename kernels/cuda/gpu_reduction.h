// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <memory>

#include "kernels/cuda/gpu_context.h"
#include "kernels/device_reduction.h"

namespace sphereface {

/// As Engine::join, by NCCL. longest: numbers of the longest range. errors: Error of the library.
std::unique_ptr<DeviceReduction> joinGpuGroup(const GpuContext& context, const DeviceGroup& group,
                                              const DeviceSum& sum, size_t longest);

}  // namespace sphereface
