// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/extract.h"

#include <algorithm>
#include <memory>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/image_planes.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "kernels/engine.h"
#include "model/checkpoint.h"
#include "model/network_config.h"

namespace sphereface {
namespace {

std::string mirrorName(Mirror mirror) {
  return mirror == Mirror::kConcat ? "concat" : mirror == Mirror::kSum ? "sum" : "none";
}

}  // namespace

Mirror mirrorFromName(const std::string& name) {
  for (const Mirror mirror : {Mirror::kNone, Mirror::kConcat, Mirror::kSum}) {
    if (mirrorName(mirror) == name) return mirror;
  }
  throw UsageError(concat("mirror \"", name, "\": expected none, concat or sum"));
}

FeatureSet extractFeatures(const ExtractOptions& options, const ImageSource& input) {
  const CheckpointManifest manifest = readCheckpointManifest(options.checkpoint);
  const ImageSource source = alignedTo(manifest.alignment_template(), input);
  if (!source.alignment_template.empty() &&
      source.alignment_template != manifest.alignment_template()) {
    throw Error(concat("the images are aligned to \"", source.alignment_template, "\", ",
                       options.checkpoint.string(), " was trained on \"",
                       manifest.alignment_template(), "\""));
  }
  EngineOptions engine_options;
  engine_options.network = buildNetwork(manifest.config().network());
  engine_options.batch = static_cast<int>(
      std::min(static_cast<size_t>(options.batch), std::max<size_t>(1, source.names.size())));
  const size_t threads =
      options.threads > 0 ? static_cast<size_t>(options.threads) : availableThreads();
  engine_options.threads = static_cast<int>(threads);
  const Network& network = engine_options.network;
  const std::unique_ptr<Engine> engine = makeEngine(options.device, engine_options);
  loadCheckpoint(options.checkpoint, manifest, network, *engine);

  const auto embedding = static_cast<size_t>(network.embedding);
  const auto batch = static_cast<size_t>(engine_options.batch);
  FeatureSet features;
  features.names = source.names;
  features.rows = source.names.size();
  features.dim = embedding * (options.mirror == Mirror::kConcat ? 2 : 1);
  features.values.resize(features.rows * features.dim);
  features.model_sha256 = modelChecksum(manifest);
  features.mirror = mirrorName(options.mirror);
  features.alignment_template = manifest.alignment_template();
  features.color_order = manifest.color_order();

  std::vector<cv::Mat> images(batch);
  std::vector<uint8_t> bytes(batch * network.imageBytes());
  std::vector<float> embeddings(batch * embedding);
  Progress progress("extracting", features.rows, "images");
  for (size_t begin = 0; begin < features.rows; begin += batch) {
    const size_t count = std::min(batch, features.rows - begin);
    parallelFor(count, threads, [&](size_t i) {
      images[i] = source.load(begin + i);
      if (images[i].rows != network.height || images[i].cols != network.width) {
        throw Error(concat(source.names[begin + i], " is ", images[i].rows, "x", images[i].cols,
                           ", the network wants ", network.height, "x", network.width,
                           " (height x width): align it first"));
      }
    });
    const int passes = options.mirror == Mirror::kNone ? 1 : 2;
    for (int pass = 0; pass < passes; ++pass) {
      for (size_t i = 0; i < count; ++i) {
        if (pass == 1) cv::flip(images[i], images[i], 1);
        copyPlanes(images[i], bytes.data() + i * network.imageBytes());
      }
      engine->embed(bytes, embeddings);
      for (size_t i = 0; i < count; ++i) {
        float* row = features.values.data() + (begin + i) * features.dim;
        if (options.mirror == Mirror::kConcat && pass == 1) row += embedding;
        for (size_t k = 0; k < embedding; ++k)
          row[k] += embeddings[i * embedding + k];
      }
    }
    progress.add(count);
  }
  return features;
}

}  // namespace sphereface
