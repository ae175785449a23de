// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a file is, by its first bytes, whatever it is called.

#pragma once

#include <cstddef>
#include <string_view>

namespace sphereface {

enum class ImageFormat { kNone, kJpeg, kPng, kBmp, kWebp, kPnm, kTiff };

struct ContentKind {
  std::string_view name;                    // "JPEG", "GIF", "text", ..., "unknown"
  ImageFormat format = ImageFormat::kNone;  // kNone: isn't read as an image
};

/// So many bytes tell.
constexpr size_t kTellingBytes = 64;

/// `bytes` is a file, or its first kTellingBytes.
ContentKind contentKind(std::string_view bytes);

}  // namespace sphereface
