// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <opencv2/core.hpp>
#include <string>

#include "data/import/pack_input.h"
#include "proto/manifest.pb.h"

namespace sphereface {

/// Channels that differ by no more are grey: JPEG rounds.
constexpr int kGreyTolerance = 2;

/// How images are stored.
struct PackEncoding {
  enum class Kind {
    kKeep,  // as they are: JPEG, PNG or planes; other files become PNG
    kJpeg,  // all encoded anew
    kPng,
    kRaw,  // B, G, R planes
  };
  Kind kind = Kind::kKeep;
  int quality = 95;  // of kJpeg
};

/// "keep", "jpeg", "jpeg:Q" (Q from 1 to 100), "png" or "raw". errors: UsageError.
PackEncoding parseEncoding(const std::string& text);
std::string encodingText(const PackEncoding& encoding);

struct EncodedImage {
  std::string bytes;
  DatasetManifest::Encoding encoding = DatasetManifest::JPEG;  // JPEG, PNG or RAW
  bool grey = false;    // B, G and R of no pixel differ by more than JPEG's rounding
  bool turned = false;  // its Exif asks for turning, which isn't done
};

/// Decodes the image, whole, whatever becomes of it. `place` names it in messages.
/// errors: Error for an image that can't be decoded or isn't of this size.
EncodedImage encodeForPack(StoredImage image, const cv::Size& size, const PackEncoding& encoding,
                           const std::string& place);

/// The same errors without encoding.
void checkImage(const StoredImage& image, const cv::Size& size, const std::string& place);

/// The serialized Caffe Datum.
std::string datumOf(EncodedImage image, const cv::Size& size, int label);

}  // namespace sphereface
