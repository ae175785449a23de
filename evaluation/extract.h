// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Embeddings of many images by a trained network.

#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "evaluation/feature_file.h"
#include "evaluation/image_source.h"
#include "kernels/engine.h"

namespace sphereface {

/// What to do with the mirrored image: leave it, append its embedding (as SphereFace is evaluated),
/// or add it (as ArcFace is).
enum class Mirror { kNone, kConcat, kSum };

/// errors: UsageError for anything but "none", "concat", "sum".
Mirror mirrorFromName(const std::string& name);

struct ExtractOptions {
  std::filesystem::path checkpoint;
  Mirror mirror = Mirror::kConcat;
  int batch = 64;
  Device device = Device::kCpu;
  int device_index = 0;  // of several GPUs
  int threads = 0;       // that read images and, on a CPU, compute; 0: all cores
};

struct BadImage {
  std::string name;
  std::string reason;
};

/// "3 of 100 images can't be used: " and the first few reasons.
std::string describeBadImages(std::span<const BadImage> bad, size_t images);

/// A network of a checkpoint, and the images it is for.
class Extractor {
 public:
  /// errors: Error when the input's alignment isn't the one the network was trained on.
  Extractor(const ExtractOptions& options, const ImageSource& input);
  ~Extractor();

  const std::vector<std::string>& names() const;
  /// Images of a pass.
  size_t batch() const;
  /// What its feature sets say of the network; without rows.
  const FeatureSet& description() const;
  /// Features of the images begin .. end - 1. Those that can't be read or have the wrong size are
  /// left out and appended to `bad`.
  FeatureSet extract(size_t begin, size_t end, Progress& progress, std::vector<BadImage>& bad);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Of all images. Shows progress. errors: as Extractor; Error naming images that can't be used.
FeatureSet extractFeatures(const ExtractOptions& options, const ImageSource& input);

}  // namespace sphereface
