// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <bit>
#include <cstdint>

#include "kernels/host_device.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#endif

namespace sphereface {

/// Bits of a bfloat16: the upper half of a float.
struct Bf16 {
  uint16_t bits;
};

// Elements as floats, by overload, so that a loop can be written once for both types.

SPHEREFACE_HOST_DEVICE inline float toFloat(float value) {
  return value;
}
SPHEREFACE_HOST_DEVICE inline float toFloat(Bf16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  return std::bit_cast<float>(bits);
#endif
}

SPHEREFACE_HOST_DEVICE inline void storeFloat(float& to, float value) {
  to = value;
}
/// Rounds to nearest even. A NaN stays one because its quiet bit is in the upper half.
SPHEREFACE_HOST_DEVICE inline void storeFloat(Bf16& to, float value) {
#ifdef __CUDA_ARCH__
  to.bits = __bfloat16_as_ushort(__float2bfloat16_rn(value));
#else
  const auto bits = std::bit_cast<uint32_t>(value);
  to.bits = static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
#endif
}

}  // namespace sphereface
