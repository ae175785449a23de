// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/engine.h"

#include "kernels/cpu/cpu_engine.h"
#include "kernels/cuda/buffer_sizes.h"
#include "kernels/cuda/cuda_engine.h"

namespace sphereface {

std::unique_ptr<Engine> makeEngine(Device device, const EngineOptions& options) {
  return device == Device::kCuda ? makeCudaEngine(options) : makeCpuEngine(options);
}

void checkDevice(Device device) {
  if (device == Device::kCuda) checkForGpu();
}

EngineMemory predictMemory(Device device, const EngineOptions& options, int images) {
  return device == Device::kCuda ? gpuMemory(options, images) : cpuMemory(options, images);
}

std::string newDeviceGroup(Device device) {
  return device == Device::kCuda ? newGpuGroup() : std::string();
}

}  // namespace sphereface
