// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_engine.h"
#include "tests/kernels/engine_under_test.h"

namespace sphereface::testing {

std::unique_ptr<Engine> makeEngineUnderTest(const EngineOptions& options) {
  return makeCudaEngine(options);
}

std::vector<Precision> precisionsUnderTest() {
  return {Precision::kFp32, Precision::kTf32, Precision::kBf16};
}

}  // namespace sphereface::testing
