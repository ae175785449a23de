// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/pixel_baseline.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/image_file.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "data/alignment_template.h"
#include "evaluation/pairs.h"

namespace sphereface {

FeatureSet pixelFeatures(const std::filesystem::path& directory,
                         std::span<const std::string> images, size_t threads) {
  FeatureSet features;
  features.names = findImageFiles(directory, images);
  features.rows = images.size();
  features.dim = size_t{kAlignedHeight} * kAlignedWidth;
  features.values.resize(features.rows * features.dim);
  features.alignment_template = kAlignmentTemplate;
  features.color_order = "grey";

  Progress progress("reading", images.size(), "images");
  parallelFor(images.size(), threads, [&](size_t i) {
    const std::filesystem::path path = directory / features.names[i];
    const cv::Mat image = readImage(path);
    if (image.rows != kAlignedHeight || image.cols != kAlignedWidth) {
      throw Error(concat(path.string(), ": is ", image.cols, "x", image.rows,
                         ", an aligned face is ", kAlignedWidth, "x", kAlignedHeight));
    }
    cv::Mat grey;
    cv::cvtColor(image, grey, cv::COLOR_BGR2GRAY);
    std::copy(grey.begin<uchar>(), grey.end<uchar>(),
              features.values.begin() + static_cast<std::ptrdiff_t>(i * features.dim));
    progress.add();
  });
  return features;
}

}  // namespace sphereface
