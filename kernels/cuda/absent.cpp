// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// In place of the GPU's engine where the CUDA toolkit wasn't found.

#include "base/error.h"
#include "kernels/cuda/cuda_engine.h"

namespace sphereface {

std::unique_ptr<Engine> makeCudaEngine(const EngineOptions&) {
  throw Error("device CUDA: this program was built without GPU kernels; use device CPU");
}

}  // namespace sphereface
