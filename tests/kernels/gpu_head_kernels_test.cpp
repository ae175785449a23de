// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/cuda/cuda_head.h"
#include "tests/kernels/gpu_arrays.h"
#include "tests/kernels/head_cases.h"
#include "tests/kernels/row_softmax.h"
#include "tests/support/golden.h"

namespace sphereface {
namespace {

using testing::fromDevice;
using testing::Gradient;
using testing::Head;
using testing::kCosineHeads;
using testing::kOtherHeads;
using testing::nameOf;
using testing::onDevice;
using testing::randomInput;
using testing::relativeDifference;
using testing::relativeNorm;
using testing::RowSoftmax;
using testing::Type;

template <class T>
constexpr Precision kPrecision = std::is_same_v<T, float> ? Precision::kFp32 : Precision::kBf16;

std::vector<float> floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

struct Output {
  HeadStats stats;
  std::vector<float> used_W;
  std::vector<float> dx;
  std::vector<float> dW;
};

template <class T>
Output runOnGpu(const HeadOptions& head, const reference::HeadInput& input,
                const std::vector<float>& before = {}) {
  const GpuContext context(0);
  EngineOptions options;
  options.head = head;
  options.batch = input.batch;
  options.network.embedding = input.dim;
  options.classes = input.classes;
  options.precision = kPrecision<T>;
  const DeviceBuffer<float> x = onDevice(floats(input.x));
  const DeviceBuffer<float> W = onDevice(floats(input.W));
  const DeviceBuffer<float> dW =
      before.empty() ? DeviceBuffer<float>(input.W.size()) : onDevice(before);
  const DeviceBuffer<float> dx(input.x.size());
  const DeviceBuffer<int32_t> labels =
      onDevice(std::vector<int32_t>(input.labels.begin(), input.labels.end()));
  const DeviceBuffer<HeadStats> stats(1);
  CudaHead<T> cuda_head(context, options, {W.span(), dW.span(), {}});
  cuda_head.setRule(input.step, static_cast<float>(input.loss_scale));
  cuda_head.run(x.data(), labels.data(), !before.empty(), dx.data(), stats.data());
  check(cudaStreamSynchronize(context.stream()), "compute");
  return {fromDevice(stats)[0], fromDevice(W), fromDevice(dx), fromDevice(dW)};
}

class EveryGpuHead : public ::testing::TestWithParam<Head> {
 protected:
  HeadOptions options(Gradient gradient, bool streaming) const {
    return {.type = GetParam().type, .gradient = gradient, .scale = 7, .streaming = streaming};
  }
};

TEST_P(EveryGpuHead, EqualsReferenceOnOddShapes) {
  std::vector<std::array<int, 3>> shapes = {{2, 64, 1}, {5, 40, 2300}};
  // Rows in several parts, of each kind of kernel.
  const bool plain = GetParam().type == Type::kNormFace;
  if (plain || GetParam().type == Type::kSphereFaceR2) shapes.push_back({3, 24, 9000});
  for (const int batch : {1, 13}) {
    for (const int dim : {3, 16}) {
      for (const int classes : {1, 3, 13, 127})
        shapes.push_back({batch, dim, classes});
    }
  }
  for (const Gradient gradient : testing::gradientsOf(GetParam().type)) {
    for (const auto& [batch, dim, classes] : shapes) {
      const reference::HeadInput input = randomInput(batch, dim, classes, GetParam().step, 7);
      const reference::HeadOutput want = reference::head(options(gradient, false), input);
      for (const bool streaming : {false, true}) {
        SCOPED_TRACE(::testing::Message()
                     << batch << "x" << dim << "x" << classes << " gradient "
                     << static_cast<int>(gradient) << " streaming " << streaming);
        const Output got = runOnGpu<float>(options(gradient, streaming), input);
        EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 1e-5 * std::max(1.0, want.loss_sum));
        EXPECT_LT(relativeDifference(got.used_W, want.used_W), 1e-6);
        EXPECT_LT(relativeDifference(got.dx, want.dx), 3e-5);
        EXPECT_LT(relativeDifference(got.dW, want.dW), 3e-5);
      }
    }
  }
}

/// Logits, features and gradients rounded to 8 bits; what is summed in fp32 stays near.
TEST_P(EveryGpuHead, Bf16EqualsReferenceToItsPrecision) {
  for (const Gradient gradient : testing::gradientsOf(GetParam().type)) {
    const reference::HeadInput input = randomInput(13, 24, 301, GetParam().step, 7);
    const reference::HeadOutput want = reference::head(options(gradient, false), input);
    for (const bool streaming : {false, true}) {
      const Output got = runOnGpu<Bf16>(options(gradient, streaming), input);
      EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 0.01 * want.loss_sum);
      EXPECT_LT(relativeNorm(got.dx, want.dx), 0.03);
      EXPECT_LT(relativeNorm(got.dW, want.dW), 0.03);
    }
  }
}

TEST_P(EveryGpuHead, AccumulateAdds) {
  const Gradient gradient = testing::gradientsOf(GetParam().type).front();
  const reference::HeadInput input = randomInput(5, 24, 127, GetParam().step, 5);
  // On the tangents of W's rows, as what another pass left is.
  const Output plain = runOnGpu<float>(options(gradient, false), input);
  const Output added = runOnGpu<float>(options(gradient, false), input, plain.dW);
  std::vector<double> twice;
  for (const float value : plain.dW)
    twice.push_back(2 * static_cast<double>(value));
  EXPECT_LT(relativeDifference(added.dW, twice), 1e-5);
}

TEST_P(EveryGpuHead, ASecondPassLeavesTheClassesAlone) {
  reference::HeadInput input = randomInput(5, 24, 127, GetParam().step, 5);
  const Output first = runOnGpu<float>(options(Gradient::kExact, false), input);
  input.W.assign(first.used_W.begin(), first.used_W.end());
  EXPECT_EQ(runOnGpu<float>(options(Gradient::kExact, true), input).used_W, first.used_W);
}

TEST_P(EveryGpuHead, ZeroEmbeddingsAreCountedAndGiveNoNaN) {
  reference::HeadInput input = randomInput(5, 16, 20, GetParam().step, 5);
  std::fill_n(input.x.begin(), 2 * 16, 0.0);
  for (const Gradient gradient : testing::gradientsOf(GetParam().type)) {
    const Output got = runOnGpu<float>(options(gradient, false), input);
    EXPECT_EQ(got.stats.zero_norm, 2);
    EXPECT_NEAR(got.stats.loss_sum, reference::head(options(gradient, false), input).loss_sum,
                1e-4);
    for (const float value : got.dx)
      EXPECT_TRUE(std::isfinite(value));
  }
}

TEST_P(EveryGpuHead, ANaNReachesTheLoss) {
  reference::HeadInput input = randomInput(5, 16, 20, GetParam().step, 5);
  input.x[3] = std::numeric_limits<double>::quiet_NaN();
  for (const bool streaming : {false, true}) {
    const Output got = runOnGpu<float>(options(Gradient::kExact, streaming), input);
    EXPECT_TRUE(std::isnan(got.stats.loss_sum));
  }
}

INSTANTIATE_TEST_SUITE_P(Cosine, EveryGpuHead, kCosineHeads, nameOf);
INSTANTIATE_TEST_SUITE_P(Other, EveryGpuHead, kOtherHeads, nameOf);

template <class T>
void expectOnePassEqualsTwo(Type type, int classes, int blocks) {
  SCOPED_TRACE(::testing::Message() << classes << " classes in " << blocks << " blocks");
  const int packs = (paddedToPacks(classes) / kPack + blocks - 1) / blocks;
  const auto one = RowSoftmax<T>(type, classes).onePass({blocks, packs});
  const auto two = RowSoftmax<T>(type, classes).twoPasses();
  // A bf16 gradient may be rounded either way.
  const float near = std::is_same_v<T, float> ? 1e-5F : 1.0F / 128;
  ASSERT_EQ(one.gradients.size(), two.gradients.size());
  for (size_t k = 0; k < one.gradients.size(); ++k)
    ASSERT_NEAR(one.gradients[k], two.gradients[k], near * std::abs(two.gradients[k])) << k;
  for (size_t image = 0; image < one.softmax.size(); ++image) {
    EXPECT_FLOAT_EQ(one.softmax[image].shift, two.softmax[image].shift);
    EXPECT_NEAR(one.softmax[image].factor, two.softmax[image].factor,
                1e-5F * two.softmax[image].factor);
    EXPECT_NEAR(one.of_targets[image].for_w, two.of_targets[image].for_w, 1e-5F);
    EXPECT_NEAR(one.stats[image].loss, two.stats[image].loss, 1e-5 * two.stats[image].loss);
    EXPECT_EQ(one.stats[image].correct, two.stats[image].correct);
  }
}

/// Blocks with whole packs, with none, with the label or without; more packs than threads.
TEST(GpuHead, OnePassAndTwoGiveTheSameHoweverRowsAreDivided) {
  const bool clusters = divideRow<Bf16>(1'000'000).blocks > 0;
  for (const Type type : {Type::kASoftmax, Type::kSphereFaceR2}) {
    for (const auto& [classes, blocks] : std::vector<std::pair<int, int>>{
             {1, 1}, {300, 1}, {5003, 1}, {1, 2}, {9, 2}, {300, 4}, {300, 16}, {5003, 2}}) {
      if (blocks > 1 && !clusters) continue;
      expectOnePassEqualsTwo<float>(type, classes, blocks);
      expectOnePassEqualsTwo<Bf16>(type, classes, blocks);
    }
  }
  // As many packs for each block as take twice the threads.
  expectOnePassEqualsTwo<Bf16>(Type::kASoftmax, 40001, 1);
  if (clusters) expectOnePassEqualsTwo<Bf16>(Type::kASoftmax, 80001, 2);
}

/// Rows for one block of this card, and for several.
TEST(GpuHead, LongRowsEqualReference) {
  for (const int classes : {20000, 30000}) {
    const reference::HeadInput input = randomInput(3, 16, classes, {4, 5}, 3);
    const reference::HeadOutput want = reference::head({}, input);
    const Output got = runOnGpu<float>({}, input);
    EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 1e-5 * want.loss_sum);
    EXPECT_LT(relativeDifference(got.dx, want.dx), 3e-5);
    EXPECT_LT(relativeDifference(got.dW, want.dW), 3e-5);
  }
}

TEST(GpuHead, RowsAreDividedAsTheCardHasRoom) {
  const RowDivision casia = divideRow<Bf16>(10572);
  EXPECT_EQ(casia.blocks, 1);
  EXPECT_EQ(casia.packs, 1322);
  EXPECT_EQ(divideRow<Bf16>(100'000'000).blocks, 0);
  const RowDivision million = divideRow<Bf16>(1'000'000);
  if (million.blocks == 0) GTEST_SKIP() << "this card has no clusters";
  EXPECT_EQ(million.blocks, 16);
  EXPECT_EQ(million.packs, 7813);
  EXPECT_EQ(divideRow<Bf16>(100'000).blocks, 4);
  EXPECT_EQ(divideRow<float>(100'000).blocks, 8);
}

TEST(GpuHead, TwoRunsHaveTheSameBits) {
  const reference::HeadInput input = randomInput(7, 24, 500, {4, 5}, 3);
  for (const bool streaming : {false, true}) {
    const HeadOptions options = {.streaming = streaming};
    const Output first = runOnGpu<Bf16>(options, input);
    const Output second = runOnGpu<Bf16>(options, input);
    EXPECT_EQ(first.stats.loss_sum, second.stats.loss_sum);
    EXPECT_EQ(first.dx, second.dx);
    EXPECT_EQ(first.dW, second.dW);
  }
}

/// More classes among the labels than a block has warps; labels come more than once.
TEST(GpuHead, TheEnergyEqualsReference) {
  for (const int batch : {2, 5, 40}) {
    for (const Type type : {Type::kASoftmax, Type::kCosFace}) {
      const HeadStep step = {type == Type::kASoftmax ? 4.0 : 0.35, 5};
      const reference::HeadInput input = randomInput(batch, 19, 30, step, 3);
      const HeadOptions options = {
          .type = type, .gradient = Gradient::kExact, .scale = 7, .mhe_weight = 0.3};
      const reference::HeadOutput want = reference::head(options, input);
      const Output got = runOnGpu<float>(options, input);
      EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 1e-5 * want.loss_sum);
      EXPECT_LT(relativeDifference(got.dx, want.dx), 3e-5);
      EXPECT_LT(relativeDifference(got.dW, want.dW), 3e-5);
    }
  }
}

}  // namespace
}  // namespace sphereface
