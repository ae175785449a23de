// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Image files as 8-bit BGR (OpenCV's interleaved channel order). JPEG goes through libjpeg-turbo
// directly (base/jpeg_file.h): it is faster, and unlike cv::imread it reports a truncated file.

#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/jpeg_file.h"

namespace sphereface {

/// Decodes JPEG, PNG, BMP, WebP, PNM or TIFF (told by their first bytes; of several pages the
/// first), at most 2^27 pixels; grey becomes three equal channels. Pixels are as they are stored,
/// whatever Exif says; those of TIFF are turned as its orientation says. `name` stands for the
/// bytes in the error message ("record 17 of x", a path). errors: Error when the bytes are no
/// image, or a truncated or corrupt one.
cv::Mat decodeImage(std::string_view bytes, const std::string& name);

/// The same into `planes`: B, G and R, each height x width, one after the other. Reuses the
/// vector's memory; faster than decodeImage() for JPEG of full-resolution colour, with the same
/// pixels. errors: Error, whose message leaves it to the caller to name the bytes.
cv::Size decodePlanes(std::string_view bytes, std::vector<uint8_t>& planes);

/// More than 2^27 pixels of three bytes have.
constexpr uint64_t kMostImageBytes = uint64_t{1} << 29;

/// The bytes of an image's file. errors: Error naming it, also when it has more than
/// kMostImageBytes.
std::string readImageBytes(const std::filesystem::path& path);

/// An aligned face, as it is stored. errors: Error naming the file.
cv::Mat readImage(const std::filesystem::path& path);

/// A camera's photograph, turned upright as its Exif says. errors: Error naming the file.
cv::Mat readPhotograph(const std::filesystem::path& path);

std::string encodePng(const cv::Mat& bgr);

/// In the format of `path`'s suffix, JPEG at `jpeg_quality`. requires: hasWrittenSuffix(path).
std::string encodeImage(const cv::Mat& bgr, const std::filesystem::path& path, int jpeg_quality);

/// True for jpg, jpeg, jpe, jfif, png, bmp, webp, ppm, tif, tiff (any case).
bool hasWrittenSuffix(const std::filesystem::path& path);

/// ".jpg" of "x.JPG".
std::string lowerCaseSuffix(const std::filesystem::path& path);

}  // namespace sphereface
