// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/exports.h"

#include "kernels/cuda/cuda_engine.h"
#include "kernels/cuda/gpu_context.h"

namespace sphereface {

extern "C" const CudaLibrary kSpherefaceCudaLibrary;
const CudaLibrary kSpherefaceCudaLibrary = {
    [](const EngineOptions& options) { return makeCudaEngine(options).release(); },
    [](const ScoreCounterOptions& options) { return makeCudaScoreCounter(options).release(); },
    [](std::string& id) { id = newGpuGroup(); }, countGpus};

}  // namespace sphereface
