// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/exports.h"

#include "kernels/cuda/cuda_engine.h"
#include "kernels/cuda/gpu_group.h"

extern "C" sphereface::Engine* spherefaceMakeCudaEngine(const sphereface::EngineOptions& options) {
  return sphereface::makeCudaEngine(options).release();
}

extern "C" sphereface::ScoreCounter* spherefaceMakeCudaScoreCounter(
    const sphereface::ScoreCounterOptions& options) {
  return sphereface::makeCudaScoreCounter(options).release();
}

extern "C" void spherefaceNewGpuGroup(std::string& id) {
  id = sphereface::newGpuGroup();
}
