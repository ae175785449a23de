// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Tags of a TIFF file's first folder (TIFF 6.0, section 2), which Exif's payload is too.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sphereface {

/// The first value of a tag that is a byte, a short or a long. Nothing when there is none, also in
/// bytes that are no TIFF file.
std::optional<uint32_t> tiffTag(std::string_view tiff, uint32_t tag);

}  // namespace sphereface
