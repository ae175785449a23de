// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Any bytes as .safetensors: a model, or an Error.

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "convert/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sphereface;
  try {
    parseSafetensors({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const Error&) {
  }
  return 0;
}
