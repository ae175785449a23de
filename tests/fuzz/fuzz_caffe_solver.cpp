// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Any text as solver and, behind the first 0 byte, net: a configuration, or an Error.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "convert/caffe_solver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sphereface;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(text.find('\0'), text.size());
  const std::string_view net = text.substr(std::min(end + 1, text.size()));
  try {
    configText(importSolver({text.substr(0, end), "solver"}, {net, "net"}, 1, std::nullopt));
  } catch (const Error&) {
  }
  return 0;
}
