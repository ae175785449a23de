// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a file is, by its first bytes, whatever it is called.

#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace sphereface {

enum class ImageFormat { kNone, kJpeg, kPng, kBmp, kWebp, kPnm, kTiff };

struct ContentKind {
  std::string_view name;                    // "JPEG", "GIF", "text", ..., "unknown"
  ImageFormat format = ImageFormat::kNone;  // kNone: isn't read as an image
};

/// So many bytes tell.
constexpr size_t kTellingBytes = 64;

/// The first kTellingBytes of a file, fewer of a shorter one, none of one that can't be read.
std::string tellingBytes(const std::filesystem::path& file);

/// `bytes` is a file, or its first kTellingBytes.
ContentKind contentKind(std::string_view bytes);

}  // namespace sphereface
