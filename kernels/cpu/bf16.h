// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <bit>
#include <cstdint>

namespace sphereface {

/// Bits of a bfloat16: the upper half of a float.
struct Bf16 {
  uint16_t bits;
};

// Elements as floats, by overload, so that a loop can be written once for both types.

inline float toFloat(float value) {
  return value;
}
inline float toFloat(Bf16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

inline void storeFloat(float& to, float value) {
  to = value;
}
/// Rounds to nearest even. A NaN stays one because its quiet bit is in the upper half.
inline void storeFloat(Bf16& to, float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  to.bits = static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace sphereface
