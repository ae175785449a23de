// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Golden numbers made by the published implementation, and how to compare with them.

#pragma once

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/shared_data.h"

namespace sphereface::testing {

/// One array of a .sfg container, as doubles whatever it was stored as.
struct GoldenArray {
  std::vector<size_t> shape;
  std::vector<double> values;
};

using GoldenFile = std::map<std::string, GoldenArray>;

/// Container: "SFG1", u32 count, then per array: u32 name length, name, u32 type (0 float32,
/// 1 int32, 2 uint8, 3 float64), u32 dimensions, u32 each, data; little-endian.
GoldenFile readGolden(const std::filesystem::path& path);

/// Largest |a - b| over the largest |b|.
template <class A, class B>
double relativeDifference(const A& a, const B& b) {
  double difference = 0;
  double largest = 0;
  for (size_t k = 0; k < b.size(); ++k) {
    const double delta = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    difference = delta > difference ? delta : -delta > difference ? -delta : difference;
    const double size = b[k] < 0 ? -static_cast<double>(b[k]) : static_cast<double>(b[k]);
    largest = size > largest ? size : largest;
  }
  return largest > 0 ? difference / largest : difference;
}

/// 2-norm of a - b over that of b: for low precision, where single elements next to a kink jump.
template <class A, class B>
double relativeNorm(const A& a, const B& b) {
  double difference = 0;
  double size = 0;
  for (size_t k = 0; k < b.size(); ++k) {
    const double delta = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    difference += delta * delta;
    size += static_cast<double>(b[k]) * static_cast<double>(b[k]);
  }
  return size > 0 ? std::sqrt(difference / size) : std::sqrt(difference);
}

}  // namespace sphereface::testing
