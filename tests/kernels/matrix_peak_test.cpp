// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/matrix_peak.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

namespace sphereface {
namespace {

TEST(MatrixPeak, IsTheRateOfTheFastestProduct) {
  // A product of 256 rows takes a millisecond or more, one of twice as many eight times that.
  const double peak = matrixPeak([](int n) {
    const double size = n / 256.0;
    return [size] {
      std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(size * size * size));
    };
  });
  EXPECT_GT(peak, 0);
  EXPECT_LE(peak, 2 * 256.0 * 256 * 256 / 1e-3);
}

TEST(MatrixPeak, IsMeasuredInBothPrecisions) {
  EXPECT_GT(cpuMatrixPeak(false), 0);
  EXPECT_GT(cpuMatrixPeak(true), 0);
}

TEST(MatrixPeak, FactorsAreOrdinaryNumbersInBothPrecisions) {
  for (const uint32_t word : matrixPeakFactors(1000)) {
    for (const uint32_t bits : {word, word << 16}) {  // fp32, and the lower half as bfloat16
      float value = 0;
      std::memcpy(&value, &bits, sizeof value);
      EXPECT_GE(std::abs(value), 0.5F);
      EXPECT_LE(std::abs(value), 1.0F);
    }
  }
}

}  // namespace
}  // namespace sphereface
