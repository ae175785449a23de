// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a plan says of a GPU's memory, and what an engine has; here on the host, where convolutions
// need no workspace.

#include <gtest/gtest.h>

#include <tuple>

#include "kernels/cuda/buffer_sizes.h"
#include "kernels/cuda/cuda_engine.h"
#include "model/network_table.h"

namespace sphereface {
namespace {

void expectHeld(const EngineOptions& options, int images) {
  const EngineMemory planned = gpuMemory(options, images);
  const EngineMemory held = makeCudaEngine(options)->memory();
  auto expect_near = [](size_t got, size_t want, double tolerance) {
    EXPECT_NEAR(static_cast<double>(got), static_cast<double>(want),
                tolerance * static_cast<double>(want));
  };
  EXPECT_EQ(planned.parameters, held.parameters);
  expect_near(planned.activations, held.activations, 0.01);
  expect_near(planned.head, held.head, 0.05);
}

EngineOptions options(const char* network, int batch, int classes) {
  EngineOptions options;
  options.network = buildNetwork({.name = network});
  options.batch = batch;
  options.classes = classes;
  return options;
}

TEST(GpuMemory, IsWhatTheEngineHolds) {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    for (const bool streaming : {false, true}) {
      for (const auto& [network, batch, classes] :
           {std::tuple("sphereface-4", 13, 3000), {"sphereface-20", 4, 100000}}) {
        EngineOptions each = options(network, batch, classes);
        each.precision = precision;
        each.head.streaming = streaming;
        SCOPED_TRACE(::testing::Message()
                     << network << " " << static_cast<int>(precision) << " " << streaming);
        expectHeld(each, 0);
      }
    }
  }
}

TEST(GpuMemory, OfSpreadClassesToo) {
  for (const double sample_rate : {1.0, 0.1}) {
    for (const double mhe_weight : {0.0, 0.5}) {
      EngineOptions spread = options("sphereface-4", 16, 5000);
      spread.head.sample_rate = sample_rate;
      spread.head.mhe_weight = mhe_weight;
      spread.head_group.group.id = newGpuGroup();
      spread.head_group.first_image = {0, 16};
      SCOPED_TRACE(::testing::Message() << sample_rate << " " << mhe_weight);
      expectHeld(spread, 16);
    }
  }
}

}  // namespace
}  // namespace sphereface
