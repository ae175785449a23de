// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/image_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <span>

#include "base/atomic_file.h"
#include "base/content_kind.h"
#include "base/error.h"
#include "base/exif_orientation.h"
#include "base/image_planes.h"
#include "base/jpeg_file.h"
#include "base/opencv_images.h"
#include "base/tiff_tags.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kJpegSuffixes = {".jpg", ".jpeg", ".jpe", ".jfif"};
constexpr std::array<std::string_view, 6> kOtherWrittenSuffixes = {".png", ".bmp", ".webp",
                                                                   ".ppm", ".tif", ".tiff"};

bool isOneOf(const std::string& suffix, std::span<const std::string_view> suffixes) {
  return std::find(suffixes.begin(), suffixes.end(), suffix) != suffixes.end();
}

/// Zero beyond the end.
uint32_t byteAt(std::string_view bytes, size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}
uint32_t bigEndianAt(std::string_view bytes, size_t at) {
  return byteAt(bytes, at) << 24 | byteAt(bytes, at + 1) << 16 | byteAt(bytes, at + 2) << 8 |
         byteAt(bytes, at + 3);
}

void requireBmpSize(std::string_view bytes) {
  const auto number = [&](size_t at) {
    const uint32_t value = byteAt(bytes, at) | byteAt(bytes, at + 1) << 8 |
                           byteAt(bytes, at + 2) << 16 | byteAt(bytes, at + 3) << 24;
    return std::min(value, ~value + 1);  // a height is negative in files from top to bottom
  };
  // OS/2's header has its numbers in 16 bits.
  if (number(14) == 12) {
    requireImageSize(number(18) & 0xffffU, number(18) >> 16);
  } else {
    requireImageSize(number(18), number(22));
  }
}

void requireTiffSize(std::string_view bytes) {
  constexpr uint32_t kSubfileType = 254;
  constexpr uint32_t kWidth = 256;
  constexpr uint32_t kHeight = 257;
  // So do cameras' raw files begin, whatever they are called.
  if ((tiffTag(bytes, kSubfileType).value_or(0) & 1) != 0) {
    throw Error("a TIFF file that begins with a thumbnail: cameras' raw files aren't read");
  }
  const uint32_t width = tiffTag(bytes, kWidth).value_or(0);
  const uint32_t height = tiffTag(bytes, kHeight).value_or(0);
  if (width == 0 || height == 0) throw Error("a TIFF file without a size");
  requireImageSize(width, height);
}

/// The two numbers after a PNM file's magic, white space and comments before each. OpenCV passes
/// over other characters as well, and so would read another size.
void requirePnmSize(std::string_view bytes) {
  std::array<uint64_t, 2> size{};
  const char* at = bytes.data() + 2;
  const char* const end = bytes.data() + std::min<size_t>(bytes.size(), 4096);
  for (uint64_t& number : size) {
    while (at < end && (std::isspace(static_cast<unsigned char>(*at)) != 0 || *at == '#')) {
      if (*at++ != '#') continue;
      at = std::find(at, end, '\n');
    }
    const auto [after, problem] = std::from_chars(at, end, number);
    const bool ends = after < end && std::isspace(static_cast<unsigned char>(*after)) != 0;
    if (problem != std::errc() || !ends) throw Error("a PNM file without a size");
    at = after;
  }
  requireImageSize(size[0], size[1]);
}

/// The formats that are taken for photographs, by their first bytes and within kMostPixels: OpenCV
/// reads more, and takes memory for whatever a header says.
void requirePhotograph(std::string_view bytes) {
  const ContentKind kind = contentKind(bytes);
  if (bytes.size() > INT32_MAX) throw Error("an image file of more than 2 GiB");
  switch (kind.format) {
    case ImageFormat::kPng:
      return requireImageSize(bigEndianAt(bytes, 16), bigEndianAt(bytes, 20));
    case ImageFormat::kBmp:
      return requireBmpSize(bytes);
    case ImageFormat::kPnm:
      return requirePnmSize(bytes);
    case ImageFormat::kTiff:
      return requireTiffSize(bytes);
    case ImageFormat::kWebp:
    case ImageFormat::kJpeg:
      return;
    case ImageFormat::kNone:
      throw Error(
          concat("not an image that can be decoded (what it begins with: ", kind.name, ")"));
  }
}

/// errors: Error that doesn't name the bytes.
void decodeInto(std::string_view bytes, cv::Mat& image) {
  if (bytes.empty()) throw Error("empty image");
  if (isJpeg(bytes)) return decodeJpeg(bytes, image);
  requirePhotograph(bytes);
  image = decodeByOpenCv(bytes);
}

}  // namespace

cv::Mat decodeImage(std::string_view bytes, const std::string& name) {
  cv::Mat image;
  try {
    decodeInto(bytes, image);
  } catch (const Error& e) {
    throw Error(concat(name, ": ", e.what()));
  }
  return image;
}

cv::Size decodePlanes(std::string_view bytes, std::vector<uint8_t>& planes) {
  if (isJpeg(bytes)) return decodeJpegPlanes(bytes, planes);
  thread_local cv::Mat image;
  decodeInto(bytes, image);
  planes.resize(3 * image.total());
  copyPlanes(image, planes.data());
  return image.size();
}

std::string readImageBytes(const fs::path& path) {
  std::error_code unknown;
  const uintmax_t bytes = fs::file_size(path, unknown);
  if (!unknown && bytes > kMostImageBytes) {
    throw Error(concat(path.string(), ": ", bytes, " bytes are no photograph; at most ",
                       kMostImageBytes, " are read"));
  }
  return readFile(path);
}

cv::Mat readImage(const fs::path& path) {
  return decodeImage(readImageBytes(path), path.string());
}

cv::Mat readPhotograph(const fs::path& path) {
  const std::string bytes = readImageBytes(path);
  return turnedUpright(decodeImage(bytes, path.string()), exifOrientation(bytes));
}

std::string encodePng(const cv::Mat& bgr) {
  return encodeByOpenCv(bgr, ".png");
}

std::string encodeImage(const cv::Mat& bgr, const fs::path& path, int jpeg_quality) {
  const std::string suffix = lowerCaseSuffix(path);
  if (isOneOf(suffix, kJpegSuffixes)) return encodeJpeg(bgr, jpeg_quality);
  return encodeByOpenCv(bgr, suffix);
}

bool hasWrittenSuffix(const fs::path& path) {
  const std::string suffix = lowerCaseSuffix(path);
  return isOneOf(suffix, kJpegSuffixes) || isOneOf(suffix, kOtherWrittenSuffixes);
}

std::string lowerCaseSuffix(const fs::path& path) {
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return suffix;
}

}  // namespace sphereface
