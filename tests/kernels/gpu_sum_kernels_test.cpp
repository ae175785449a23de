// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/sum_kernels.h"

#include <gtest/gtest.h>

#include "tests/kernels/gpu_arrays.h"

namespace sphereface {
namespace {

using testing::fromDevice;
using testing::onDevice;

/// Parts whose sum depends on the order.
std::vector<float> partsOf(int count, size_t pitch) {
  std::vector<float> parts(static_cast<size_t>(count) * pitch);
  for (size_t k = 0; k < parts.size(); ++k)
    parts[k] = (k % 2 == 0 ? 1.0F : -1.0F) * static_cast<float>(k * k % 9973) / 7 *
               (k % 3 == 0 ? 1e6F : 1);
  return parts;
}

float treeSum(const std::vector<float>& parts, size_t pitch, int first, int count, size_t at) {
  if (count == 1) return parts[static_cast<size_t>(first) * pitch + at];
  return treeSum(parts, pitch, first, count / 2, at) +
         treeSum(parts, pitch, first + count / 2, count / 2, at);
}

TEST(GpuSumKernels, TreesAddInPairs) {
  constexpr size_t kCount = 301;
  constexpr size_t kPitch = 310;
  for (const int count : {1, 2, 4, 8, 64}) {
    const std::vector<float> parts = partsOf(count, kPitch);
    const auto device = onDevice(parts);
    // Into one of the parts.
    float* const sum = device.data() + static_cast<size_t>(count / 2) * kPitch;
    sumInTree(count, kPitch, device.data(), kCount, sum, nullptr);
    const std::vector<float> got = fromDevice(device);
    for (size_t at = 0; at < kCount; ++at) {
      ASSERT_EQ(got[static_cast<size_t>(count / 2) * kPitch + at],
                treeSum(parts, kPitch, 0, count, at))
          << count;
    }
    EXPECT_EQ(got[static_cast<size_t>(count / 2) * kPitch + kCount],
              parts[static_cast<size_t>(count / 2) * kPitch + kCount]);
  }
}

TEST(GpuSumKernels, AddsTo) {
  const auto from = onDevice(std::vector<float>(1001, 2));
  const auto to = onDevice(std::vector<float>(1002, 3));
  addTo(1001, from.data(), to.data(), nullptr);
  std::vector<float> want(1002, 5);
  want.back() = 3;
  EXPECT_EQ(fromDevice(to), want);
}

}  // namespace
}  // namespace sphereface
