// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/pixel_baseline.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "data/align/alignment_template.h"

namespace sphereface {

FeatureSet pixelFeatures(const ImageSource& source, size_t threads) {
  FeatureSet features;
  features.names = source.names;
  features.rows = source.names.size();
  features.dim = size_t{kAlignedHeight} * kAlignedWidth;
  features.values.resize(features.rows * features.dim);
  features.alignment_template = kAlignmentTemplate;
  features.color_order = "grey";

  Progress progress("reading", features.rows, "images");
  parallelFor(features.rows, threads, [&](size_t i) {
    const cv::Mat image = source.load(i);
    if (image.rows != kAlignedHeight || image.cols != kAlignedWidth) {
      throw Error(concat(source.names[i], ": is ", image.cols, "x", image.rows,
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
