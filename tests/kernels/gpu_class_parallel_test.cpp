// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A head whose classes are spread over GPUs, of which there is one: all of its road, the exchange
// too. (Over several ranks: class_parallel_test.cpp.)

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/random.h"
#include "kernels/cuda/cuda_engine.h"
#include "model/initialize.h"
#include "model/network_table.h"
#include "tests/kernels/engine_under_test.h"
#include "tests/support/golden.h"

namespace sphereface {
namespace {

using testing::makeEngineUnderTest;
using testing::relativeNorm;

constexpr int kImages = 13;
constexpr int kClasses = 127;
constexpr int kDim = 13;

EngineOptions options(const HeadOptions& head) {
  EngineOptions options;
  options.network = buildNetwork(
      {.name = "custom", .height = 14, .width = 12, .embedding = kDim, .stages = {{8, 0}}});
  options.classes = kClasses;
  options.head = head;
  options.batch = kImages;
  return options;
}

struct Trained {
  double loss = 0;
  double norm = 0;
  std::vector<float> W;
  std::vector<float> momentum;
  std::vector<float> trunk;
};

/// Two steps on the same images and labels.
Trained train(const EngineOptions& options, double clip) {
  const std::unique_ptr<Engine> engine = makeEngineUnderTest(options);
  initializeWeights(options.network, 0, 3, *engine);
  Random random(5);
  std::vector<uint8_t> pixels(kImages * options.network.imageBytes());
  for (uint8_t& byte : pixels)
    byte = static_cast<uint8_t>(random.below(256));
  std::vector<int32_t> labels(kImages);
  for (int32_t& label : labels)
    label = static_cast<int32_t>(random.below(kClasses));
  Trained trained;
  for (uint64_t step = 0; step < 2; ++step) {
    const HeadStep head = {.margin = 4, .lambda = 5, .sample_key = step};
    trained.loss =
        engine->forwardBackward(pixels, labels, head, 1.0F / kImages, false).head.loss_sum;
    trained.norm = engine->update({0.05, 0.9, 0.0005, clip});
  }
  auto read = [&](std::span<float> part) {
    std::vector<float> values(part.size());
    engine->read(part, values);
    return values;
  };
  trained.W = read(engine->head().parameters);
  trained.momentum = read(engine->head().momentum);
  trained.trunk = read(engine->trunk().parameters);
  return trained;
}

Trained trainSpread(EngineOptions options, double clip) {
  options.head_group.group.id = newGpuGroup();
  options.head_group.first_image = {0, kImages};
  options.head_group.timeout = std::chrono::seconds(30);
  return train(options, clip);
}

void expectEqual(const Trained& got, const Trained& want) {
  EXPECT_NEAR(got.loss, want.loss, 1e-5 * want.loss);
  EXPECT_NEAR(got.norm, want.norm, 1e-5 * want.norm);
  EXPECT_LT(relativeNorm(got.W, want.W), 1e-5);
  EXPECT_LT(relativeNorm(got.momentum, want.momentum), 1e-4);
  EXPECT_LT(relativeNorm(got.trunk, want.trunk), 1e-5);
}

TEST(GpuClassParallel, OverOneRankEqualsThePlainHead) {
  for (const bool streaming : {false, true}) {
    for (const double clip : {-1.0, 0.1}) {
      for (const double mhe_weight : {0.0, 0.3}) {
        const EngineOptions plain = options({.mhe_weight = mhe_weight, .streaming = streaming});
        expectEqual(trainSpread(plain, clip), train(plain, clip));
      }
    }
  }
}

TEST(GpuClassParallel, ASampleOfAllClassesEqualsThePlainHead) {
  // A share that leaves nothing out, but isn't 1.
  const EngineOptions all = options({.mhe_weight = 0.3, .sample_rate = 0.9999});
  EngineOptions plain = all;
  plain.head.sample_rate = 1;
  expectEqual(trainSpread(all, 0.1), train(plain, 0.1));
}

TEST(GpuClassParallel, WhatIsNotInTheSampleStays) {
  EngineOptions some = options({.sample_rate = 0.2});
  const Trained trained = trainSpread(some, -1);
  const std::unique_ptr<Engine> fresh = makeEngineUnderTest(options({}));
  initializeWeights(some.network, 0, 3, *fresh);
  std::vector<float> before(fresh->head().parameters.size());
  fresh->read(fresh->head().parameters, before);
  int moved = 0;
  for (size_t row = 0; row < kClasses; ++row) {
    bool same = true;
    for (size_t k = row * kDim; k < (row + 1) * kDim; ++k)
      same = same && trained.W[k] == before[k];
    if (!same) ++moved;
  }
  // Two samples of 26.
  EXPECT_GE(moved, 26);
  EXPECT_LE(moved, 52);
}

}  // namespace
}  // namespace sphereface
