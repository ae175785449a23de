// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// JPEG by libjpeg-turbo. Two kinds are common that not every program reads:
//
// Files that lack their end mark, two bytes that carry no picture. They are read when all of the
// picture is there.
//
// Files of four inks, CMYK or YCCK, which print shops' programs write. The inks are stored
// inverted, 255 for none, as Adobe's programs do: Pillow and OpenCV take all such files to be
// theirs, whether or not they have Adobe's mark, and so does this. B = Y K / 255, and so on,
// rounded, as in Pillow.

#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sphereface {

bool isJpeg(std::string_view bytes);

/// 8-bit BGR. errors: Error that doesn't name the bytes, also for a truncated or damaged file, and
/// for one of more than kMostPixels.
void decodeJpeg(std::string_view bytes, cv::Mat& image);

/// The same pixels as planes B, G and R. Faster for full-resolution colour.
cv::Size decodeJpegPlanes(std::string_view bytes, std::vector<uint8_t>& planes);

/// JPEG at `quality` (1..100) with full-resolution colour (4:4:4).
std::string encodeJpeg(const cv::Mat& bgr, int quality);

/// Photographs have fewer. A header that tells of more is damaged, or made to exhaust memory.
constexpr uint64_t kMostPixels = uint64_t{1} << 27;

/// errors: Error when an image of that size has more than kMostPixels.
void requireImageSize(uint64_t width, uint64_t height);

}  // namespace sphereface
