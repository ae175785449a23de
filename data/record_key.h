// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What writer and reader of a packed data set agree on.

#pragma once

#include <cstdint>
#include <string>

namespace sphereface {

inline constexpr const char* kDatasetManifest = "manifest.textproto";
inline constexpr uint32_t kDatasetFormatVersion = 1;

/// "00000017_": keys are this and the name the record was packed from, as Caffe's convert_imageset
/// makes them, so that LMDB's order is the number's.
inline std::string recordPrefix(uint64_t index) {
  std::string digits = std::to_string(index);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return digits + "_";
}

}  // namespace sphereface
