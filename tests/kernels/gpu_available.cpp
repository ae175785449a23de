// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "kernels/cuda/gpu_context.h"

namespace sphereface {
namespace {

/// On a machine without a GPU: skips all of a program's tests, saying why, or, with
/// SPHEREFACE_NEEDS_GPU set, fails.
class NeedsGpu : public ::testing::Environment {
 public:
  void SetUp() override {
    try {
      const GpuContext context(0);
    } catch (const Error& e) {
      if (std::getenv("SPHEREFACE_NEEDS_GPU") != nullptr) FAIL() << e.what();
      GTEST_SKIP() << e.what();
    }
  }
};

const auto* const needs_gpu = ::testing::AddGlobalTestEnvironment(new NeedsGpu);

}  // namespace
}  // namespace sphereface
