// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/extract.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "data/align/alignment_template.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

/// No larger batches than there are images.
ExtractOptions fitted(ExtractOptions options, const ImageSource& input) {
  const size_t images = std::max<size_t>(1, input.names.size());
  if (static_cast<size_t>(options.batch) > images) options.batch = static_cast<int>(images);
  return options;
}

}  // namespace

std::string describeBadImages(std::span<const BadImage> bad, size_t images) {
  constexpr size_t kShown = 5;
  std::string text = concat(bad.size(), " of ", images, " images can't be used: ");
  for (size_t i = 0; i < std::min(kShown, bad.size()); ++i)
    text += (i == 0 ? "" : "; ") + bad[i].reason;
  return bad.size() > kShown ? text + "; ..." : text;
}

Extractor::Extractor(const ExtractOptions& options, const ImageSource& input)
    : embedder_(fitted(options, input)),
      threads_(options.threads > 0 ? static_cast<size_t>(options.threads) : availableThreads()),
      images_(static_cast<size_t>(fitted(options, input).batch)) {
  const CheckpointManifest& manifest = embedder_.manifest();
  source_ = alignedTo(manifest.alignment_template(), input);
  const auto known = [](const std::string& name) { return !name.empty() && name != "unknown"; };
  if (known(source_.alignment_template) && known(manifest.alignment_template()) &&
      source_.alignment_template != manifest.alignment_template()) {
    throw Error(concat("the images are aligned to \"", source_.alignment_template, "\", ",
                       options.checkpoint.string(), " was trained on \"",
                       manifest.alignment_template(), "\""));
  }
  description_.dim = embedder_.dim();
  description_.model_sha256 = modelChecksum(manifest);
  description_.mirror = mirrorName(options.mirror);
  description_.alignment_template = manifest.alignment_template();
  description_.color_order = manifest.color_order();
}

std::string Extractor::load(size_t index, cv::Mat& image) const {
  const Network& network = embedder_.network();
  try {
    image = source_.load(index);
  } catch (const Error& error) {
    return error.what();
  }
  if (image.rows == network.height && image.cols == network.width) return "";
  return concat(source_.names[index], " is ", image.rows, "x", image.cols, ", the network wants ",
                network.height, "x", network.width, " (height x width): align it first");
}

FeatureSet Extractor::extract(size_t begin, size_t end, Progress& progress,
                              std::vector<BadImage>& bad) {
  FeatureSet features = description_;
  for (; begin < end; begin += batch()) {
    const size_t count = std::min(batch(), end - begin);
    std::vector<std::string> reasons(count);
    parallelFor(count, threads_, [&](size_t i) { reasons[i] = load(begin + i, images_[i]); });
    size_t good = 0;
    for (size_t i = 0; i < count; ++i) {
      if (reasons[i].empty()) {
        features.names.push_back(names()[begin + i]);
        std::swap(images_[good++], images_[i]);
      } else {
        bad.push_back({names()[begin + i], reasons[i]});
      }
    }
    const std::vector<float> rows = embedder_.embed(std::span(images_).first(good));
    features.values.insert(features.values.end(), rows.begin(), rows.end());
    features.rows += good;
    progress.add(count);
  }
  return features;
}

FeatureSet extractFeatures(const ExtractOptions& options, const ImageSource& input) {
  Extractor extractor(options, input);
  const size_t images = extractor.names().size();
  Progress progress("extracting", images, "images");
  std::vector<BadImage> bad;
  FeatureSet features = extractor.extract(0, images, progress, bad);
  if (!bad.empty()) throw Error(describeBadImages(bad, images));
  return features;
}

FeatureSet pixelFeatures(const ImageSource& source, size_t threads) {
  FeatureSet features;
  features.names = source.names;
  features.rows = source.names.size();
  features.dim = size_t{kAlignedHeight} * kAlignedWidth;
  features.values.resize(features.rows * features.dim);
  features.alignment_template = source.alignment_template;
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
