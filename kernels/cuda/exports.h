// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the library with the GPU's code exports. The caller owns what is made.

#pragma once

#include <string>

#include "kernels/engine.h"
#include "kernels/score_counter.h"

namespace sphereface {

using CudaEngineMaker = Engine*(const EngineOptions& options);
constexpr const char* kCudaEngineMaker = "spherefaceMakeCudaEngine";

using CudaScoreCounterMaker = ScoreCounter*(const ScoreCounterOptions& options);
constexpr const char* kCudaScoreCounterMaker = "spherefaceMakeCudaScoreCounter";

using GpuGroupMaker = void(std::string& id);
constexpr const char* kGpuGroupMaker = "spherefaceNewGpuGroup";

}  // namespace sphereface
