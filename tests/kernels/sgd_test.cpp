// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The solver's step: clipping against Caffe's formulas in double, accumulation against one large
// batch.

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "model/initialize.h"
#include "tests/kernels/engine_under_test.h"
#include "tests/support/network_support.h"

namespace sphereface {
namespace {

using testing::relativeDifference;
using testing::valuesOf;

constexpr int kClasses = 9;

EngineOptions smallModel(int batch) {
  EngineOptions options;
  options.network = testing::customNetwork(14, 12, 16, {{8, 1}, {16, 1}});
  options.classes = kClasses;
  options.batch = batch;
  return options;
}

std::unique_ptr<Engine> initialized(const EngineOptions& options) {
  std::unique_ptr<Engine> engine = testing::makeEngineUnderTest(options);
  std::vector<float> trunk(engine->trunk().parameters.size());
  std::vector<float> head(engine->head().parameters.size());
  initializeTrunk(options.network, 1, trunk);
  initializeHead(0, kClasses, options.network.embedding, 1, head);
  engine->write(trunk, engine->trunk().parameters);
  engine->write(head, engine->head().parameters);
  return engine;
}

struct Images {
  std::vector<uint8_t> bytes;
  std::vector<int32_t> labels;
};

Images randomImages(const Network& network, size_t count) {
  Random random(7);
  Images images;
  images.bytes.resize(count * network.imageBytes());
  for (uint8_t& byte : images.bytes)
    byte = static_cast<uint8_t>(random.below(256));
  for (size_t i = 0; i < count; ++i)
    images.labels.push_back(static_cast<int32_t>(random.below(kClasses)));
  return images;
}

/// Caffe's ApplyUpdate of one parameter, in double: clip, regularise, momentum.
struct CaffeStep {
  double scale;
  double rate;
  double momentum;
  double weight_decay;

  void apply(double gradient, double& parameter, double& velocity) const {
    gradient *= scale;
    gradient += weight_decay * parameter;
    velocity = momentum * velocity + rate * gradient;
    parameter -= velocity;
  }
};

TEST(Clipping, IsCaffes) {
  const EngineOptions options = smallModel(6);
  const Images images = randomImages(options.network, 6);
  for (const double share : {-1.0, 0.25, 2.0}) {
    const std::unique_ptr<Engine> engine = initialized(options);
    for (int step = 0; step < 3; ++step) {
      engine->forwardBackward(images.bytes, images.labels, {4, 10}, 1.0F / 6, false);
      std::vector<double> head = valuesOf(*engine, engine->head().parameters);
      std::vector<double> head_velocity = valuesOf(*engine, engine->head().momentum);
      std::vector<double> trunk = valuesOf(*engine, engine->trunk().parameters);
      std::vector<double> trunk_velocity = valuesOf(*engine, engine->trunk().momentum);
      const std::vector<double> d_head = valuesOf(*engine, engine->head().gradients);
      const std::vector<double> d_trunk = valuesOf(*engine, engine->trunk().gradients);
      double squares = 0;
      for (const double g : d_head)
        squares += g * g;
      for (const double g : d_trunk)
        squares += g * g;
      const double norm = std::sqrt(squares);
      const double clip = share < 0 ? -1 : share * norm;

      const double returned = engine->update({0.05, 0.9, 5e-4, clip});
      EXPECT_NEAR(returned, norm, 1e-9 * norm) << "the unclipped norm";
      EXPECT_EQ(valuesOf(*engine, engine->head().gradients), d_head);

      const double scale = clip >= 0 && norm > clip ? clip / norm : 1;
      EXPECT_EQ(scale < 1, share == 0.25);
      const CaffeStep on_head{scale, 0.05, 0.9, 5e-4};
      for (size_t k = 0; k < head.size(); ++k)
        on_head.apply(d_head[k], head[k], head_velocity[k]);
      for (const Parameter& p : options.network.parameters) {
        const CaffeStep on_tensor{scale, 0.05 * p.learning_rate_mult, 0.9, 5e-4 * p.decay_mult};
        for (size_t k = p.offset; k < p.offset + p.count; ++k)
          on_tensor.apply(d_trunk[k], trunk[k], trunk_velocity[k]);
      }
      EXPECT_LT(relativeDifference(valuesOf(*engine, engine->head().parameters), head), 1e-6);
      EXPECT_LT(relativeDifference(valuesOf(*engine, engine->head().momentum), head_velocity),
                1e-6);
      EXPECT_LT(relativeDifference(valuesOf(*engine, engine->trunk().parameters), trunk), 1e-6);
      EXPECT_LT(relativeDifference(valuesOf(*engine, engine->trunk().momentum), trunk_velocity),
                1e-6);
    }
  }
}

TEST(Accumulation, TwoBatchesAreOneTwiceAsLarge) {
  const EngineOptions whole_options = smallModel(10);
  const EngineOptions half_options = smallModel(5);
  const Images images = randomImages(whole_options.network, 10);
  const std::span<const uint8_t> bytes(images.bytes);
  const std::span<const int32_t> labels(images.labels);
  const size_t half = bytes.size() / 2;
  const std::unique_ptr<Engine> whole = initialized(whole_options);
  const std::unique_ptr<Engine> halves = initialized(half_options);
  const std::vector<double> start = valuesOf(*whole, whole->trunk().parameters);
  for (int step = 0; step < 3; ++step) {
    const PassStats once = whole->forwardBackward(bytes, labels, {4, 10}, 0.1F, false);
    const PassStats first =
        halves->forwardBackward(bytes.first(half), labels.first(5), {4, 10}, 0.1F, false);
    const PassStats second =
        halves->forwardBackward(bytes.subspan(half), labels.subspan(5), {4, 10}, 0.1F, true);
    EXPECT_NEAR(first.head.loss_sum + second.head.loss_sum, once.head.loss_sum,
                1e-5 * once.head.loss_sum);
    EXPECT_LT(relativeDifference(valuesOf(*halves, halves->trunk().gradients),
                                 valuesOf(*whole, whole->trunk().gradients)),
              1e-5);
    EXPECT_LT(relativeDifference(valuesOf(*halves, halves->head().gradients),
                                 valuesOf(*whole, whole->head().gradients)),
              1e-5);
    // Small enough that every step is clipped.
    const Update update = {0.05, 0.9, 5e-4, 0.1};
    const double norm = whole->update(update);
    EXPECT_GT(norm, 0.1);
    EXPECT_NEAR(halves->update(update), norm, 1e-5 * norm);
  }
  std::vector<double> change = valuesOf(*halves, halves->trunk().parameters);
  std::vector<double> want = valuesOf(*whole, whole->trunk().parameters);
  for (size_t k = 0; k < start.size(); ++k) {
    change[k] -= start[k];
    want[k] -= start[k];
  }
  EXPECT_LT(relativeDifference(change, want), 1e-4);
  EXPECT_LT(relativeDifference(valuesOf(*halves, halves->head().parameters),
                               valuesOf(*whole, whole->head().parameters)),
            1e-5);
}

}  // namespace
}  // namespace sphereface
