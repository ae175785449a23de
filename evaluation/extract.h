// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Embeddings of many images by a trained network.

#pragma once

#include <filesystem>
#include <functional>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "evaluation/feature_file.h"
#include "kernels/network.h"
#include "proto/checkpoint.pb.h"

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
  int threads = 0;  // 0: all cores
};

/// A list of images and how to get one: 8-bit BGR, of the network's input size.
struct ImageSource {
  std::vector<std::string> names;
  std::function<cv::Mat(size_t)> load;  // called from several threads
  // Name of the template the faces were aligned to, where the source knows it; else empty.
  std::string alignment_template;
};

/// All images below a folder, the images of a packed data set, or those listed in a text file (one
/// path a line, relative to the file).
ImageSource openImageSource(const std::filesystem::path& input);
/// The named images DIR/NAME.SUFFIX with whatever image suffix is there.
/// errors: Error listing how many, and the first, that are missing.
ImageSource namedImages(const std::filesystem::path& directory,
                        const std::vector<std::string>& names);

/// Shows progress. errors: Error naming the image that can't be read or has the wrong size, or when
/// the source's alignment isn't the one the network was trained on.
FeatureSet extractFeatures(const ExtractOptions& options, const ImageSource& source);

}  // namespace sphereface
