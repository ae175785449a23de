// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>

namespace sphereface {

/// A number of things, for arithmetic on sizes. requires: value >= 0.
constexpr size_t positive(int value) {
  return static_cast<size_t>(value);
}

}  // namespace sphereface
