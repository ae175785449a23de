// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Tests of the Engine interface are compiled once for every device.

#pragma once

#include <memory>
#include <vector>

#include "kernels/cuda/cuda_engine.h"
#include "kernels/engine.h"

namespace sphereface::testing {

inline std::unique_ptr<Engine> makeEngineUnderTest(const EngineOptions& options) {
#ifdef SPHEREFACE_TEST_CUDA
  return makeCudaEngine(options);
#else
  return makeEngine(Device::kCpu, options);
#endif
}

/// A part of one of the engine's arenas.
inline std::vector<double> valuesOf(const Engine& engine, std::span<const float> arena_part) {
  std::vector<float> values(arena_part.size());
  engine.read(arena_part, values);
  return {values.begin(), values.end()};
}

template <class Values>
void setValues(Engine& engine, const Values& values, std::span<float> arena_part) {
  engine.write(std::vector<float>(values.begin(), values.end()), arena_part);
}

}  // namespace sphereface::testing
