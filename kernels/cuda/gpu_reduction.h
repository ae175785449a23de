// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <memory>

#include "kernels/cuda/gpu_context.h"
#include "kernels/device_reduction.h"

namespace sphereface {

/// As Engine::join, by NCCL. rounded: numbers travel as bfloat16, and so many are in the longest
/// range; 0: they travel as they are. errors: Error of the library.
std::unique_ptr<DeviceReduction> joinGpuGroup(const GpuContext& context, const DeviceGroup& group,
                                              size_t rounded);

}  // namespace sphereface
