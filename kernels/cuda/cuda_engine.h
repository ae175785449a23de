// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <memory>
#include <string>

#include "kernels/engine.h"

namespace sphereface {

/// errors: Error when there is no GPU, no library for it, or it can't do what the options ask for.
std::unique_ptr<Engine> makeCudaEngine(const EngineOptions& options);

/// The id of a new group of ranks with a GPU each (kernels/device_reduction.h), by NCCL.
/// errors: Error of the library, or when there is none.
std::string newGpuGroup();

/// errors: Error when there is no GPU, no driver or no library for it. Takes no memory of a GPU.
void checkForGpu();

}  // namespace sphereface
