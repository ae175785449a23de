// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>

namespace sphereface {

/// The id of a new group of ranks with a GPU each (kernels/device_reduction.h), by NCCL.
/// errors: Error of the library, or when there is none.
std::string newGpuGroup();

}  // namespace sphereface
