// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/tiff_tags.h"

#include <cstddef>

namespace sphereface {

std::optional<uint32_t> tiffTag(std::string_view tiff, uint32_t tag) {
  const bool big_endian = tiff.starts_with("MM");
  if (!big_endian && !tiff.starts_with("II")) return std::nullopt;
  // Zero beyond the end.
  const auto number = [&](size_t at, size_t size) -> uint32_t {
    if (at > tiff.size() || size > tiff.size() - at) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const auto byte = static_cast<unsigned char>(tiff[at + (big_endian ? i : size - 1 - i)]);
      value = value << 8 | byte;
    }
    return value;
  };
  const size_t folder = number(4, 4);
  const size_t entries = number(folder, 2);
  for (size_t entry = 0; entry < entries; ++entry) {
    const size_t at = folder + 2 + 12 * entry;
    if (at >= tiff.size()) break;
    if (number(at, 2) != tag) continue;
    const uint32_t type = number(at + 2, 2);
    const size_t size = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
    // The value itself, if it isn't more than four bytes.
    if (size == 0 || number(at + 4, 4) != 1) return std::nullopt;
    return number(at + 8, size);
  }
  return std::nullopt;
}

}  // namespace sphereface
