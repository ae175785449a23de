// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/kernels/engine_under_test.h"

namespace sphereface::testing {

std::unique_ptr<Engine> makeEngineUnderTest(const EngineOptions& options) {
  return makeEngine(Device::kCpu, options);
}

std::vector<Precision> precisionsUnderTest() {
  return {Precision::kFp32, Precision::kBf16};
}

}  // namespace sphereface::testing
