// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "kernels/engine.h"
#include "kernels/score_counter.h"

namespace sphereface {

/// What the library with the GPU's code exports, under the name below. The caller owns what is
/// made.
struct CudaLibrary {
  Engine* (*make_engine)(const EngineOptions& options);
  ScoreCounter* (*make_score_counter)(const ScoreCounterOptions& options);
  void (*new_group)(std::string& id);
  int (*count_gpus)();
};
constexpr const char* kCudaLibrary = "kSpherefaceCudaLibrary";

}  // namespace sphereface
