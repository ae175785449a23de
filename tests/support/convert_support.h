// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the tests of convert/ share: models with random weights, and what they make of images.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <opencv2/core.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "convert/trained_model.h"
#include "kernels/engine.h"
#include "model/network_config.h"
#include "tests/support/network_support.h"

namespace sphereface::testing {

/// A network as of `config`, every weight of which matters, with a head of so many classes.
inline TrainedModel randomModel(const NetworkConfig& config, uint32_t classes, uint64_t seed = 1) {
  TrainedModel model;
  model.network = buildNetwork(config);
  *model.manifest.mutable_config()->mutable_network() = config;
  model.manifest.set_classes(classes);
  model.manifest.set_step(7);
  model.manifest.set_forward_passes(14);
  assumePublishedPreprocessing(model);
  model.parameters = randomParameters(model.network, seed);
  const std::vector<float> head =
      randomFloats(size_t{classes} * static_cast<size_t>(model.network.embedding), seed);
  model.parameters.insert(model.parameters.end(), head.begin(), head.end());
  return model;
}

/// Three stages with 0, 1 and 2 residual units, for images whose sides are odd on the way.
inline NetworkConfig smallConfig() {
  NetworkConfig config;
  config.set_name("custom");
  config.set_height(30);
  config.set_width(22);
  config.set_embedding(16);
  uint32_t units = 0;
  for (const uint32_t channels : {8, 12, 16}) {
    NetworkConfig::Stage& stage = *config.add_stage();
    stage.set_channels(channels);
    stage.set_units(units++);
  }
  return config;
}

/// Embeddings [images, embedding] by the engine.
inline std::vector<float> embed(const TrainedModel& model, const std::vector<uint8_t>& images) {
  EngineOptions options;
  options.network = model.network;
  options.batch = static_cast<int>(images.size() / model.network.imageBytes());
  const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
  engine->write(std::span(model.parameters).first(model.network.parameter_count),
                engine->trunk().parameters);
  std::vector<float> embeddings(static_cast<size_t>(options.batch) *
                                static_cast<size_t>(model.network.embedding));
  engine->embed(images, embeddings);
  return embeddings;
}

/// images x 3 x height x width floats: (byte - mean) * scale.
inline cv::Mat blobOfImages(const Network& network, const std::vector<uint8_t>& images, float mean,
                            float scale) {
  const int count = static_cast<int>(images.size() / network.imageBytes());
  const int sizes[] = {count, network.channels, network.height, network.width};
  cv::Mat blob(4, sizes, CV_32F);
  std::transform(images.begin(), images.end(), blob.ptr<float>(),
                 [&](uint8_t byte) { return (static_cast<float>(byte) - mean) * scale; });
  return blob;
}

inline std::vector<float> valuesOf(const cv::Mat& blob) {
  return {blob.ptr<float>(), blob.ptr<float>() + blob.total()};
}

/// The message of the Error that `act` has to end with.
inline std::string errorOf(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

inline void expectIn(const std::string& words, const std::string& text) {
  EXPECT_NE(text.find(words), std::string::npos) << "expected: " << words << "\nin: " << text;
}

}  // namespace sphereface::testing
