// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/cuda/gpu_context.h"

namespace sphereface {
namespace {

/// Skips all of a program's tests on a machine without a GPU, saying why.
class NeedsGpu : public ::testing::Environment {
 public:
  void SetUp() override {
    try {
      const GpuContext context(0);
    } catch (const Error& e) {
      GTEST_SKIP() << e.what();
    }
  }
};

const auto* const needs_gpu = ::testing::AddGlobalTestEnvironment(new NeedsGpu);

}  // namespace
}  // namespace sphereface
