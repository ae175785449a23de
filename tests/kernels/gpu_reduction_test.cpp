// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Sums of gradients over GPUs, of which there is one: that they wait for what they sum.

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/cuda/cuda_engine.h"
#include "model/network_table.h"
#include "tests/kernels/engine_under_test.h"
#include "tests/support/network_support.h"

namespace sphereface {
namespace {

constexpr int kImages = 5;
constexpr int kClasses = 40;

/// Large enough for its gradients to take a while.
EngineOptions options() {
  EngineOptions options;
  options.network = buildNetwork(
      {.name = "custom", .height = 14, .width = 12, .embedding = 64, .stages = {{8, 1}, {16, 0}}});
  options.classes = kClasses;
  options.batch = kImages;
  return options;
}

class Model {
 public:
  Model() : engine_(testing::makeEngineUnderTest(options())) {
    testing::setValues(*engine_, testing::randomParameters(options().network, 3),
                       engine_->trunk().parameters);
    testing::setValues(*engine_, testing::randomFloats(engine_->head().parameters.size(), 5),
                       engine_->head().parameters);
  }
  Engine& engine() { return *engine_; }
  void pass(uint64_t seed, const GradientsReady& ready) {
    const std::vector<uint8_t> images = testing::randomImages(options().network, kImages, seed);
    const std::vector<int32_t> labels(kImages, static_cast<int32_t>(seed));
    engine_->forwardBackward(images, labels, {4, 5}, 1, false, ready);
  }
  /// The network's, then the head's.
  std::vector<double> gradients() const {
    std::vector<double> all = testing::valuesOf(*engine_, engine_->trunk().gradients);
    const std::vector<double> head = testing::valuesOf(*engine_, engine_->head().gradients);
    all.insert(all.end(), head.begin(), head.end());
    return all;
  }

 private:
  std::unique_ptr<Engine> engine_;
};

std::vector<double> gradientsAlone(uint64_t seed) {
  Model model;
  model.pass(seed, {});
  return model.gradients();
}

double asBf16(double value) {
  Bf16 rounded;
  storeFloat(rounded, static_cast<float>(value));
  return static_cast<double>(toFloat(rounded));
}

class GpuReduction : public ::testing::TestWithParam<DeviceSum> {
 protected:
  void SetUp() override { reduction_ = model_.engine().join({newGpuGroup(), 1, 0}, GetParam()); }
  void expectEqual(std::vector<double> want) const {
    if (GetParam().as_bf16) {
      for (double& value : want)
        value = asBf16(value);
    }
    EXPECT_EQ(model_.gradients(), want);
  }

  Model model_;
  std::unique_ptr<DeviceReduction> reduction_;
};

TEST_P(GpuReduction, TakesRangesWhenTheyAreFinal) {
  // Put on the stream; recorded; launched.
  for (uint64_t seed = 0; seed < 4; ++seed) {
    model_.pass(seed, [&](const GradientRange& range) { reduction_->sum(range.values); });
    reduction_->wait(std::chrono::seconds(30));
    expectEqual(gradientsAlone(seed));
  }
}

TEST_P(GpuReduction, TakesWhatAShardTreeAdded) {
  const std::unique_ptr<ShardTree> tree = model_.engine().makeShardTree(2);
  for (uint64_t step = 0; step < 3; ++step) {
    for (uint64_t shard = 0; shard < 2; ++shard) {
      model_.pass(2 * step + shard, [&](const GradientRange& range) {
        if (tree->add(shard, range)) reduction_->sum(range.values);
      });
    }
    reduction_->wait(std::chrono::seconds(30));
    std::vector<double> want = gradientsAlone(2 * step);
    const std::vector<double> second = gradientsAlone(2 * step + 1);
    for (size_t k = 0; k < want.size(); ++k)
      want[k] = static_cast<double>(static_cast<float>(want[k]) + static_cast<float>(second[k]));
    expectEqual(want);
  }
}

INSTANTIATE_TEST_SUITE_P(Sums, GpuReduction,
                         ::testing::Values(DeviceSum{}, DeviceSum{.as_bf16 = true},
                                           DeviceSum{.in_tree = true}),
                         [](const auto& sum) {
                           return sum.param.as_bf16 ? "Bf16" : sum.param.in_tree ? "Tree" : "Fp32";
                         });

}  // namespace
}  // namespace sphereface
