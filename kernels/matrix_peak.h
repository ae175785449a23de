// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a device can do at most: the floating-point operations a second of a large matrix product,
// to which a training step's are compared (mfu).

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace sphereface {

/// FLOP/s of n x n x n products, n doubled until all have taken some tens of milliseconds: of the
/// fastest one. make(n) returns a callable that makes one such product from its begin to its end.
template <class Make>
double matrixPeak(const Make& make) {
  constexpr double kLongEnough = 0.05;  // seconds
  constexpr int kLargest = 8192;
  constexpr int kRounds = 5;
  double peak = 0;
  const double start = secondsNow();
  for (int n = 256;; n *= 2) {
    const auto product = make(n);
    product();  // warms up
    const double size = n;
    for (int round = 0; round < kRounds; ++round) {
      const double begin = secondsNow();
      product();
      peak = std::max(peak, 2 * size * size * size / (secondsNow() - begin));
    }
    if (secondsNow() - start >= kLongEnough || n >= kLargest) return peak;
  }
}

/// Numbers between 1/2 and 1 of either sign, as fp32 or, twice as many, as bfloat16: a processor is
/// faster with zeros.
inline std::vector<uint32_t> matrixPeakFactors(size_t words) {
  Random random(1);
  std::vector<uint32_t> factors(words);
  for (uint32_t& word : factors) {
    const auto bits = static_cast<uint32_t>(random.below(uint64_t{1} << 32));
    word = (bits & 0x807F807FU) | 0x3F003F00U;
  }
  return factors;
}

/// Of this processor, with as many threads as OpenMP has: in bfloat16 (accumulated in fp32), or
/// fp32.
double cpuMatrixPeak(bool bf16);

}  // namespace sphereface
