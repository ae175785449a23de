// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Tests of the Engine interface are compiled once and linked for every device.

#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/engine.h"

namespace sphereface::testing {

/// Of the device that the program tests: cpu_under_test.cpp or gpu_under_test.cpp is linked into
/// it.
std::unique_ptr<Engine> makeEngineUnderTest(const EngineOptions& options);
/// What it can compute in.
std::vector<Precision> precisionsUnderTest();

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
