// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <bit>
#include <cstdint>

namespace sphereface {

/// exp(x) for x <= 88 to 2 units in the last place; 0 below -87.3, where results would be
/// subnormal. NaN stays. Without branches, for loops that the compiler turns into vectors.
/// x = n ln 2 + r, |r| <= ln 2 / 2; exp(r) by the polynomial of Cephes' expf.
inline __attribute__((always_inline)) float vectorExp(float x) {
  constexpr float kSmallest = -87.33654F;
  constexpr float kLog2E = 1.44269504F;
  // Added and taken away again it rounds to a whole number, which its last bits then hold.
  constexpr float kRounder = 12582912.0F;
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  const float shifted = x * kLog2E + kRounder;
  const float n = shifted - kRounder;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  const auto whole = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(kRounder);
  const auto power = std::bit_cast<float>((whole + 127U) << 23U);
  return x < kSmallest ? 0.0F : p * power;
}

}  // namespace sphereface
