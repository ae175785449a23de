// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/engine.h"

#include "base/error.h"
#include "kernels/cpu/cpu_engine.h"

namespace sphereface {

std::unique_ptr<Engine> makeEngine(Device device, const EngineOptions& options) {
  if (device == Device::kCuda) {
    throw Error("device CUDA: this program was built without GPU kernels; use device CPU");
  }
  return makeCpuEngine(options);
}

}  // namespace sphereface
