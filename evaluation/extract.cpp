// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/extract.h"

#include <algorithm>
#include <memory>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "base/error.h"
#include "base/image_planes.h"
#include "base/parallel.h"
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

std::string describeBadImages(std::span<const BadImage> bad, size_t images) {
  constexpr size_t kShown = 5;
  std::string text = concat(bad.size(), " of ", images, " images can't be used: ");
  for (size_t i = 0; i < std::min(kShown, bad.size()); ++i)
    text += (i == 0 ? "" : "; ") + bad[i].reason;
  return bad.size() > kShown ? text + "; ..." : text;
}

struct Extractor::State {
  State(const ExtractOptions& options, const ImageSource& input);

  ImageSource source;
  Network network;
  std::unique_ptr<Engine> engine;
  size_t batch = 0;
  size_t threads = 0;
  int passes = 1;
  FeatureSet description;
  // of a batch
  std::vector<cv::Mat> images;
  std::vector<uint8_t> bytes;
  std::vector<float> embeddings;
};

Extractor::State::State(const ExtractOptions& options, const ImageSource& input)
    : threads(options.threads > 0 ? static_cast<size_t>(options.threads) : availableThreads()),
      passes(options.mirror == Mirror::kNone ? 1 : 2) {
  const CheckpointManifest manifest = readCheckpointManifest(options.checkpoint);
  source = alignedTo(manifest.alignment_template(), input);
  if (!source.alignment_template.empty() &&
      source.alignment_template != manifest.alignment_template()) {
    throw Error(concat("the images are aligned to \"", source.alignment_template, "\", ",
                       options.checkpoint.string(), " was trained on \"",
                       manifest.alignment_template(), "\""));
  }
  network = buildNetwork(manifest.config().network());
  batch = std::min(static_cast<size_t>(options.batch), std::max<size_t>(1, source.names.size()));
  EngineOptions engine_options;
  engine_options.network = network;
  engine_options.batch = static_cast<int>(batch);
  engine_options.threads = static_cast<int>(threads);
  engine_options.device_index = options.device_index;
  engine = makeEngine(options.device, engine_options);
  loadCheckpoint(options.checkpoint, manifest, network, *engine);
  const auto embedding = static_cast<size_t>(network.embedding);
  description.dim = embedding * (options.mirror == Mirror::kConcat ? 2 : 1);
  description.model_sha256 = modelChecksum(manifest);
  description.mirror = mirrorName(options.mirror);
  description.alignment_template = manifest.alignment_template();
  description.color_order = manifest.color_order();
  images.resize(batch);
  bytes.resize(batch * network.imageBytes());
  embeddings.resize(batch * embedding);
}

Extractor::Extractor(const ExtractOptions& options, const ImageSource& input)
    : state_(std::make_unique<State>(options, input)) {}

Extractor::~Extractor() = default;

const std::vector<std::string>& Extractor::names() const {
  return state_->source.names;
}

size_t Extractor::batch() const {
  return state_->batch;
}

const FeatureSet& Extractor::description() const {
  return state_->description;
}

FeatureSet Extractor::extract(size_t begin, size_t end, Progress& progress,
                              std::vector<BadImage>& bad) {
  State& state = *state_;
  const Network& network = state.network;
  const auto embedding = static_cast<size_t>(network.embedding);
  FeatureSet features = state.description;
  for (; begin < end; begin += state.batch) {
    const size_t count = std::min(state.batch, end - begin);
    std::vector<std::string> reasons(count);
    parallelFor(count, state.threads, [&](size_t i) {
      try {
        cv::Mat& image = state.images[i];
        image = state.source.load(begin + i);
        if (image.rows == network.height && image.cols == network.width) return;
        reasons[i] = concat(state.source.names[begin + i], " is ", image.rows, "x", image.cols,
                            ", the network wants ", network.height, "x", network.width,
                            " (height x width): align it first");
      } catch (const Error& error) {
        reasons[i] = error.what();
      }
    });
    size_t good = 0;
    for (size_t i = 0; i < count; ++i) {
      const std::string& name = state.source.names[begin + i];
      if (!reasons[i].empty()) {
        bad.push_back({name, reasons[i]});
        continue;
      }
      state.images[good++] = state.images[i];
      features.names.push_back(name);
    }
    features.values.resize((features.rows + good) * features.dim);
    for (int pass = 0; pass < state.passes; ++pass) {
      for (size_t i = 0; i < good; ++i) {
        if (pass == 1) cv::flip(state.images[i], state.images[i], 1);
        copyPlanes(state.images[i], state.bytes.data() + i * network.imageBytes());
      }
      state.engine->embed(state.bytes, state.embeddings);
      for (size_t i = 0; i < good; ++i) {
        float* row = features.values.data() + (features.rows + i) * features.dim;
        if (features.mirror == mirrorName(Mirror::kConcat) && pass == 1) row += embedding;
        for (size_t k = 0; k < embedding; ++k)
          row[k] += state.embeddings[i * embedding + k];
      }
    }
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

}  // namespace sphereface
