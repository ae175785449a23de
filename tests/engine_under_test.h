// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Tests of the Engine interface are compiled once for every device.

#pragma once

#include <memory>
#include <vector>

#include "kernels/engine.h"

namespace sphereface::testing {

#ifdef SPHEREFACE_TEST_CUDA
constexpr Device kDevice = Device::kCuda;
#else
constexpr Device kDevice = Device::kCpu;
#endif

inline std::unique_ptr<Engine> makeEngineUnderTest(const EngineOptions& options) {
  return makeEngine(kDevice, options);
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
