// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/initialize.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace sphereface {
namespace {

/// FNV-1a, so that a tensor's numbers follow from its name and not from its place in the network.
uint64_t hashOf(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

void fillXavier(size_t fan_in, Random random, std::span<float> values) {
  const double limit = std::sqrt(3.0 / static_cast<double>(fan_in));
  for (float& value : values)
    value = static_cast<float>(random.uniform(-limit, limit));
}

}  // namespace

void initializeTrunk(const Network& network, uint64_t seed, std::span<float> parameters) {
  for (const Parameter& p : network.parameters) {
    const std::span<float> values = parameters.subspan(p.offset, p.count);
    Random random(seed, hashOf(p.name));
    switch (p.init) {
      case Parameter::Init::kConstant:
        for (float& value : values)
          value = p.init_value;
        break;
      case Parameter::Init::kXavier:
        fillXavier(p.count / p.shape[0], random, values);
        break;
      case Parameter::Init::kGaussian:
        for (float& value : values)
          value = static_cast<float>(p.init_value * random.normal());
        break;
    }
  }
}

void initializeHead(int first_class, int classes, int embedding, uint64_t seed,
                    std::span<float> parameters) {
  const auto dim = static_cast<size_t>(embedding);
  Random random(seed, hashOf("head"));
  random.skip(static_cast<size_t>(first_class) * dim);
  fillXavier(dim, random, parameters.first(static_cast<size_t>(classes) * dim));
}

void initializeWeights(const Network& network, int first_class, uint64_t seed, Engine& engine) {
  std::vector<float> weights(network.parameter_count);
  initializeTrunk(network, seed, weights);
  engine.write(weights, engine.trunk().parameters);
  // The head's, which may be many, by and by.
  constexpr size_t kClassesAtOnce = 4096;
  const std::span<float> head = engine.head().parameters;
  const auto dim = static_cast<size_t>(network.embedding);
  for (size_t done = 0; done < head.size(); done += kClassesAtOnce * dim) {
    weights.resize(std::min(kClassesAtOnce * dim, head.size() - done));
    initializeHead(first_class + static_cast<int>(done / dim),
                   static_cast<int>(weights.size() / dim), network.embedding, seed, weights);
    engine.write(weights, head.subspan(done, weights.size()));
  }
}

}  // namespace sphereface
