// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Small networks with parameters and images to test them with.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/initialize.h"
#include "model/network_table.h"
#include "tests/support/golden.h"

namespace sphereface::testing {

inline Network customNetwork(int height, int width, int embedding,
                             const std::vector<StageRow>& stages) {
  return buildNetwork(NetworkTable{"custom", height, width, embedding, stages});
}

/// Weights in which every term of every layer matters (some slopes negative, all biases set).
inline std::vector<float> randomParameters(const Network& network, uint64_t seed) {
  std::vector<float> parameters(network.parameter_count);
  initializeTrunk(network, seed, parameters);
  Random random(seed, 99);
  for (const Parameter& p : network.parameters) {
    for (size_t k = p.offset; k < p.offset + p.count; ++k) {
      if (p.shape.size() == 1) parameters[k] += static_cast<float>(random.uniform(-0.3, 0.3));
      if (p.init == Parameter::Init::kGaussian) parameters[k] *= 10;
    }
  }
  return parameters;
}

inline std::vector<uint8_t> randomImages(const Network& network, int batch, uint64_t seed) {
  Random random(seed, 5);
  std::vector<uint8_t> images(network.imageBytes() * static_cast<size_t>(batch));
  for (uint8_t& byte : images)
    byte = static_cast<uint8_t>(random.below(256));
  return images;
}

inline std::vector<float> randomFloats(size_t count, uint64_t seed) {
  Random random(seed, 6);
  std::vector<float> values(count);
  for (float& value : values)
    value = static_cast<float>(random.normal());
  return values;
}

/// Copies the arrays called PREFIX/TENSOR into an arena (and the classifier, fc6, into the head).
inline std::vector<double> trunkOf(const GoldenFile& file, const std::string& prefix,
                                   const Network& network) {
  std::vector<double> arena(network.parameter_count);
  for (const Parameter& p : network.parameters) {
    const std::vector<double>& values = file.at(prefix + p.name).values;
    EXPECT_EQ(values.size(), p.count) << p.name;
    std::copy(values.begin(), values.end(), arena.begin() + static_cast<ptrdiff_t>(p.offset));
  }
  return arena;
}

/// The network of the golden solver steps, for which kGoldenClasses classes are trained.
inline Network goldenNetwork() {
  return customNetwork(28, 24, 32, {{8, 1}, {16, 2}, {24, 4}, {32, 1}});
}
constexpr int kGoldenClasses = 20;

}  // namespace sphereface::testing
