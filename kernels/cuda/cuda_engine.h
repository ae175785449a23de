// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <memory>

#include "kernels/engine.h"

namespace sphereface {

/// errors: Error when there is no GPU, no library for it, or it can't do what the options ask for.
std::unique_ptr<Engine> makeCudaEngine(const EngineOptions& options);

/// What the library with the GPU's engine exports. The caller owns the engine.
using CudaEngineMaker = Engine*(const EngineOptions& options);
constexpr const char* kCudaEngineMaker = "spherefaceMakeCudaEngine";

}  // namespace sphereface
