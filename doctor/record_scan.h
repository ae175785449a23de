// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The facts about records that the checks of a data set share, gathered in two passes: one over
// what is stored of every record, one that decodes images, in the order of training, so that a
// part of them is a fair sample.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace sphereface::doctor {

struct ScanLimits {
  double seconds = 60;          // of each pass
  uint64_t images = 1'000'000;  // decoded at most: 200 bytes of memory each
};

/// Records that can't be used: how many, and what is wrong with the first of them.
struct Unusable {
  uint64_t count = 0;
  std::vector<std::string> messages;  // at most kMostExamples
};

/// A record's key, to name it by.
using KeyOf = std::function<std::string(uint64_t)>;

/// Of every record.
struct StoredFacts {
  static constexpr int32_t kUnread = INT32_MIN;  // time was over, or it is unusable

  std::vector<int32_t> label;  // as stored
  std::vector<uint64_t> hash;  // of the image's bytes
  uint64_t read = 0;
  Unusable unusable;
};
StoredFacts scanStored(const Dataset& dataset, const ScanLimits& limits);

/// A face of 14 rows and 12 columns in grey: enough to tell photographs apart.
struct Thumbnail {
  static constexpr int kHeight = 14;
  static constexpr int kWidth = 12;
  static constexpr size_t kPixels = size_t{kHeight} * kWidth;

  std::array<uint8_t, kPixels> pixels{};
};

struct ImageFact {
  uint64_t record = 0;
  int32_t label = 0;
  Thumbnail thumbnail;
  float brightness = 0;      // mean grey level
  float contrast = 0;        // standard deviation of the grey levels of the thumbnail
  float red_minus_blue = 0;  // grey levels, at the face's centre
  bool grey = false;         // no colour anywhere
};

/// The mean of some faces in grey, larger than thumbnails: where its eyes are can be told.
struct MeanFace {
  static constexpr int kHeight = 56;
  static constexpr int kWidth = 48;
  static constexpr size_t kPixels = size_t{kHeight} * kWidth;
  static constexpr uint64_t kMostFaces = 4096;  // more don't make it better

  std::array<uint32_t, kPixels> sum{};  // of grey levels, row by row
  uint64_t faces = 0;
};

/// Adds a face from its B, G and R planes.
void addFace(MeanFace& mean, const uint8_t* planes, int height, int width);

/// Of the records that were decoded.
struct ImageFacts {
  std::vector<ImageFact> images;
  MeanFace mean;  // of the first of them
  uint64_t tried = 0;
  Unusable unusable;
};
ImageFacts scanImages(const Dataset& dataset, const StoredFacts& stored, const ScanLimits& limits);

/// What the facts of one image are, from its B, G and R planes.
ImageFact describeImage(const uint8_t* planes, int height, int width);

}  // namespace sphereface::doctor
