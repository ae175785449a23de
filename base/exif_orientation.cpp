// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/exif_orientation.h"

#include <cstdint>

#include "base/tiff_tags.h"

namespace sphereface {
namespace {

constexpr std::string_view kExifMark("Exif\0\0", 6);

uint32_t byteAt(std::string_view bytes, size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}

/// The length of a PNG's or WebP's chunk.
size_t bigLength(std::string_view bytes, size_t at) {
  return byteAt(bytes, at) << 24 | byteAt(bytes, at + 1) << 16 | byteAt(bytes, at + 2) << 8 |
         byteAt(bytes, at + 3);
}
size_t littleLength(std::string_view bytes, size_t at) {
  return byteAt(bytes, at + 3) << 24 | byteAt(bytes, at + 2) << 16 | byteAt(bytes, at + 1) << 8 |
         byteAt(bytes, at);
}

std::string_view withoutMark(std::string_view exif) {
  return exif.starts_with(kExifMark) ? exif.substr(kExifMark.size()) : exif;
}

std::string_view exifOfJpeg(std::string_view file) {
  for (size_t at = 2; at + 4 <= file.size();) {
    if (file[at] != '\xff') return {};
    const uint32_t marker = byteAt(file, at + 1);
    if (marker == 0xff) {  // a fill byte
      ++at;
      continue;
    }
    constexpr uint32_t kApp1 = 0xe1;
    constexpr uint32_t kStartOfScan = 0xda;
    if (marker == kStartOfScan) return {};
    const size_t length = byteAt(file, at + 2) << 8 | byteAt(file, at + 3);
    if (length < 2) return {};
    const std::string_view segment = file.substr(at + 4, length - 2);
    if (marker == kApp1 && segment.starts_with(kExifMark)) return withoutMark(segment);
    at += 2 + length;
  }
  return {};
}

std::string_view exifOfPng(std::string_view file) {
  for (size_t at = 8; at + 8 <= file.size();) {
    const size_t length = bigLength(file, at);
    if (file.substr(at + 4, 4) == "eXIf") return file.substr(at + 8, length);
    at += 12 + length;
  }
  return {};
}

std::string_view exifOfWebp(std::string_view file) {
  for (size_t at = 12; at + 8 <= file.size();) {
    const size_t length = littleLength(file, at + 4);
    if (file.substr(at, 4) == "EXIF") return withoutMark(file.substr(at + 8, length));
    at += 8 + length + length % 2;
  }
  return {};
}

}  // namespace

int exifOrientation(std::string_view file) {
  std::string_view exif;
  if (file.starts_with("\xff\xd8\xff")) exif = exifOfJpeg(file);
  if (file.starts_with("\x89PNG")) exif = exifOfPng(file);
  if (file.starts_with("RIFF")) exif = exifOfWebp(file);
  constexpr uint32_t kOrientation = 0x0112;
  const uint32_t value = tiffTag(exif, kOrientation).value_or(1);
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
}

cv::Mat turnedUpright(const cv::Mat& stored, int orientation) {
  // Those from 5 on have rows and columns exchanged; the others differ from these by a mirror.
  cv::Mat picture;
  if (orientation >= 5) {
    cv::transpose(stored, picture);
  } else {
    picture = stored;
  }
  constexpr int kSideways = 1;
  constexpr int kUpsideDown = 0;
  constexpr int kBoth = -1;
  cv::Mat turned;
  switch (orientation) {
    case 2:
    case 6:
      cv::flip(picture, turned, kSideways);
      return turned;
    case 3:
    case 7:
      cv::flip(picture, turned, kBoth);
      return turned;
    case 4:
    case 8:
      cv::flip(picture, turned, kUpsideDown);
      return turned;
    default:
      return picture;
  }
}

}  // namespace sphereface
