// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/pack_encoding.h"

#include <charconv>
#include <cstdlib>

#include "base/error.h"
#include "base/exif_orientation.h"
#include "base/image_file.h"
#include "base/image_planes.h"
#include "proto/caffe.pb.h"

namespace sphereface {
namespace {

using Kind = PackEncoding::Kind;

bool isPng(std::string_view bytes) {
  return bytes.starts_with("\x89PNG\r\n\x1a\n");
}

/// B, G and R planes of the whole image.
std::vector<uint8_t>& decoded(const StoredImage& image, const cv::Size& size,
                              const std::string& place) {
  thread_local std::vector<uint8_t> planes;
  cv::Size found = image.size;
  if (image.planes) {
    planes.assign(image.bytes.begin(), image.bytes.end());
  } else {
    try {
      found = decodePlanes(image.bytes, planes);
    } catch (const Error& e) {
      throw Error(concat(place, ": ", e.what()));
    }
  }
  if (found != size) {
    throw Error(concat(place, ": the image is ", found.height, "x", found.width,
                       " (height x width) instead of ", size.height, "x", size.width));
  }
  return planes;
}

bool isGrey(const std::vector<uint8_t>& planes) {
  const size_t area = planes.size() / 3;
  for (size_t i = 0; i < area; ++i) {
    const int b = planes[i];
    const int g = planes[area + i];
    const int r = planes[2 * area + i];
    if (std::abs(r - g) > kGreyTolerance || std::abs(b - g) > kGreyTolerance) return false;
  }
  return true;
}

std::string planesText(const std::vector<uint8_t>& planes) {
  return {reinterpret_cast<const char*>(planes.data()), planes.size()};
}

}  // namespace

PackEncoding parseEncoding(const std::string& text) {
  PackEncoding encoding;
  const size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  if (kind == "keep" || kind == "png" || kind == "raw") {
    encoding.kind = kind == "keep" ? Kind::kKeep : kind == "png" ? Kind::kPng : Kind::kRaw;
    if (colon == text.npos) return encoding;
  } else if (kind == "jpeg") {
    encoding.kind = Kind::kJpeg;
    if (colon == text.npos) return encoding;
    const char* const end = text.data() + text.size();
    const auto [stop, status] = std::from_chars(text.data() + colon + 1, end, encoding.quality);
    if (status == std::errc() && stop == end && encoding.quality >= 1 && encoding.quality <= 100) {
      return encoding;
    }
  }
  throw UsageError(
      concat("--encoding ", text, ": expected keep, jpeg, jpeg:1 .. jpeg:100, png or raw"));
}

std::string encodingText(const PackEncoding& encoding) {
  switch (encoding.kind) {
    case Kind::kJpeg:
      return concat("jpeg:", encoding.quality);
    case Kind::kPng:
      return "png";
    case Kind::kRaw:
      return "raw";
    case Kind::kKeep:
      break;
  }
  return "keep";
}

EncodedImage encodeForPack(StoredImage image, const cv::Size& size, const PackEncoding& encoding,
                           const std::string& place) {
  const std::vector<uint8_t>& planes = decoded(image, size, place);
  const auto pixels = [&] { return interleave(planes.data(), size.height, size.width); };
  EncodedImage result;
  result.grey = isGrey(planes);
  result.turned = !image.planes && exifOrientation(image.bytes) != 1;
  Kind kind = encoding.kind;
  if (kind == Kind::kKeep && image.planes) kind = Kind::kRaw;
  if (kind == Kind::kKeep && !isJpeg(image.bytes) && !isPng(image.bytes)) kind = Kind::kPng;
  switch (kind) {
    case Kind::kKeep:
      result.encoding = isJpeg(image.bytes) ? DatasetManifest::JPEG : DatasetManifest::PNG;
      result.bytes = std::move(image.bytes);
      break;
    case Kind::kJpeg:
      result.encoding = DatasetManifest::JPEG;
      result.bytes = encodeJpeg(pixels(), encoding.quality);
      break;
    case Kind::kPng:
      result.encoding = DatasetManifest::PNG;
      result.bytes = encodePng(pixels());
      break;
    case Kind::kRaw:
      result.encoding = DatasetManifest::RAW;
      result.bytes = planesText(planes);
      break;
  }
  return result;
}

void checkImage(const StoredImage& image, const cv::Size& size, const std::string& place) {
  decoded(image, size, place);
}

std::string datumOf(EncodedImage image, const cv::Size& size, int label) {
  caffe::Datum datum;
  datum.set_channels(3);
  datum.set_height(size.height);
  datum.set_width(size.width);
  datum.set_data(std::move(image.bytes));
  datum.set_label(label);
  datum.set_encoded(image.encoding != DatasetManifest::RAW);
  return datum.SerializeAsString();
}

}  // namespace sphereface
