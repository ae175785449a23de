// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/embedder.h"

#include <algorithm>
#include <cstdint>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/image_planes.h"
#include "base/parallel.h"
#include "model/checkpoint.h"
#include "model/network_config.h"

namespace sphereface {

std::string mirrorName(Mirror mirror) {
  return mirror == Mirror::kConcat ? "concat" : mirror == Mirror::kSum ? "sum" : "none";
}

Mirror mirrorFromName(const std::string& name) {
  for (const Mirror mirror : {Mirror::kNone, Mirror::kConcat, Mirror::kSum}) {
    if (mirrorName(mirror) == name) return mirror;
  }
  throw UsageError(concat("mirror \"", name, "\": expected none, concat or sum"));
}

Embedder::Embedder(const ExtractOptions& options)
    : options_(options),
      manifest_(readCheckpointManifest(options.checkpoint)),
      network_(buildNetwork(manifest_.config().network())) {
  EngineOptions engine;
  engine.network = network_;
  engine.batch = options.batch;
  engine.device_index = options.device_index;
  engine.threads = options.threads > 0 ? options.threads : static_cast<int>(availableThreads());
  engine_ = makeEngine(options.device, engine);
  loadCheckpoint(options.checkpoint, manifest_, network_, *engine_);
  const auto batch = static_cast<size_t>(options.batch);
  bytes_.resize(batch * network_.imageBytes());
  embeddings_.resize(batch * static_cast<size_t>(network_.embedding));
}

size_t Embedder::dim() const {
  return static_cast<size_t>(network_.embedding) * (options_.mirror == Mirror::kConcat ? 2 : 1);
}

std::vector<float> Embedder::embed(std::span<const cv::Mat> faces) {
  const auto batch = static_cast<size_t>(options_.batch);
  const auto embedding = static_cast<size_t>(network_.embedding);
  std::vector<float> features(faces.size() * dim());
  cv::Mat mirrored;
  for (size_t begin = 0; begin < faces.size(); begin += batch) {
    const size_t count = std::min(batch, faces.size() - begin);
    const int passes = options_.mirror == Mirror::kNone ? 1 : 2;
    for (int pass = 0; pass < passes; ++pass) {
      for (size_t i = 0; i < count; ++i) {
        if (pass == 1) cv::flip(faces[begin + i], mirrored, 1);
        copyPlanes(pass == 1 ? mirrored : faces[begin + i],
                   bytes_.data() + i * network_.imageBytes());
      }
      engine_->embed(bytes_, embeddings_);
      for (size_t i = 0; i < count; ++i) {
        float* row = features.data() + (begin + i) * dim();
        if (options_.mirror == Mirror::kConcat && pass == 1) row += embedding;
        for (size_t k = 0; k < embedding; ++k)
          row[k] += embeddings_[i * embedding + k];
      }
    }
  }
  return features;
}

}  // namespace sphereface
