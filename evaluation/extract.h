// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Embeddings of many images by a trained network.

#pragma once

#include <filesystem>
#include <string>

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
  int threads = 0;  // that read images and, on a CPU, compute; 0: all cores
};

/// Shows progress. errors: Error naming the image that can't be read or has the wrong size, or when
/// the input's alignment isn't the one the network was trained on.
FeatureSet extractFeatures(const ExtractOptions& options, const ImageSource& input);

}  // namespace sphereface
