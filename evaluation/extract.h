// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Features of many images: embeddings by a trained network, or pixels.

#pragma once

#include <cstddef>
#include <opencv2/core.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "evaluation/embedder.h"
#include "evaluation/feature_file.h"
#include "evaluation/image_source.h"

namespace sphereface {

struct BadImage {
  std::string name;
  std::string reason;
};

/// "3 of 100 images can't be used: " and the first few reasons.
std::string describeBadImages(std::span<const BadImage> bad, size_t images);

/// A network and the images it is for.
class Extractor {
 public:
  /// errors: as Embedder; Error when the input is known to be aligned otherwise than what the
  /// network was trained on.
  Extractor(const ExtractOptions& options, const ImageSource& input);

  const std::vector<std::string>& names() const { return source_.names; }
  /// Images of a pass.
  size_t batch() const { return images_.size(); }
  /// What its feature sets say of the network; without rows.
  const FeatureSet& description() const { return description_; }
  /// Features of the images begin .. end - 1. Those that can't be read or have the wrong size are
  /// left out and appended to `bad`.
  FeatureSet extract(size_t begin, size_t end, Progress& progress, std::vector<BadImage>& bad);

 private:
  /// Image `index`, or why it can't be used.
  std::string load(size_t index, cv::Mat& image) const;

  Embedder embedder_;
  ImageSource source_;
  size_t threads_;
  FeatureSet description_;
  std::vector<cv::Mat> images_;  // of a batch
};

/// Of all images. Shows progress. errors: as Extractor; Error naming images that can't be used.
FeatureSet extractFeatures(const ExtractOptions& options, const ImageSource& input);

/// The grey pixels of aligned faces as their features: what a face verifier scores that has learnt
/// nothing. errors: Error naming an image that is unreadable or not of the aligned size.
FeatureSet pixelFeatures(const ImageSource& source, size_t threads);

}  // namespace sphereface
