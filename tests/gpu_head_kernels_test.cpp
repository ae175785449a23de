// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "kernels/cuda/cuda_head.h"
#include "tests/golden.h"
#include "tests/gpu_arrays.h"
#include "tests/head_cases.h"

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

/// The pass over rows that fit into shared memory, and the two that don't need them to.
TEST(GpuHead, OnePassAndTwoGiveTheSame) {
  const reference::HeadInput input = randomInput(3, 16, 20000, {4, 5}, 3);
  const reference::HeadInput longer = randomInput(3, 16, 30000, {4, 5}, 3);
  ASSERT_TRUE(fitsRowSoftmax<float>(20000));
  ASSERT_FALSE(fitsRowSoftmax<float>(30000));
  for (const reference::HeadInput& each : {input, longer}) {
    const reference::HeadOutput want = reference::head({}, each);
    const Output got = runOnGpu<float>({}, each);
    EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 1e-5 * want.loss_sum);
    EXPECT_LT(relativeDifference(got.dx, want.dx), 3e-5);
    EXPECT_LT(relativeDifference(got.dW, want.dW), 3e-5);
  }
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
