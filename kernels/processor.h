// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>

namespace sphereface {

/// What the CPU engine computes with.
struct Processor {
  std::string instructions;  // the best set that oneDNN uses: "AVX-512 with bfloat16"
  bool avx2 = false;         // or better: what the kernels are written for
  bool fast_bf16 = false;    // bfloat16 in hardware; without it worker.precision BF16 is fp32
  std::string library;       // "oneDNN 2.6.3 (OpenMP)"
};

Processor processor();

}  // namespace sphereface
