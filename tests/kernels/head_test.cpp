// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/head.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "tests/kernels/head_cases.h"
#include "tests/kernels/head_runner.h"
#include "tests/support/golden.h"

namespace sphereface {
namespace {

using testing::FastOutput;
using testing::Head;
using testing::kCosineHeads;
using testing::kOtherHeads;
using testing::nameOf;
using testing::randomInput;
using testing::relativeDifference;
using testing::runFast;
using Type = HeadOptions::Type;
using Gradient = HeadOptions::Gradient;

double rowNorm(const std::vector<double>& matrix, size_t element, int dim) {
  const size_t first = element / static_cast<size_t>(dim) * static_cast<size_t>(dim);
  double square = 0;
  for (size_t k = first; k < first + static_cast<size_t>(dim); ++k)
    square += matrix[k] * matrix[k];
  return std::sqrt(square);
}

/// d value / d element by central differences.
template <class Function>
double slopeOf(double& element, const Function& value) {
  const double kept = element;
  const double h = 1e-6;
  element = kept + h;
  const double above = value();
  element = kept - h;
  const double below = value();
  element = kept;
  return (above - below) / (2 * h);
}

class EveryHead : public ::testing::TestWithParam<Head> {
 protected:
  std::vector<Gradient> gradients() const { return testing::gradientsOf(GetParam().type); }
  HeadOptions options(Gradient gradient) const {
    return {.type = GetParam().type, .gradient = gradient, .scale = 7};
  }
};

/// Those with a DETACHED gradient.
class CosineHead : public EveryHead {};

TEST_P(EveryHead, ExactEqualsFiniteDifferences) {
  const double mhe_weight = GetParam().type == Type::kSoftmax ? 0 : 0.1;
  for (const int dim : {2, 3, 13}) {
    HeadOptions options = this->options(Gradient::kExact);
    options.mhe_weight = mhe_weight;
    reference::HeadInput input = randomInput(4, dim, 7, GetParam().step, 1701);
    const reference::HeadOutput out = reference::head(options, input);
    auto loss = [&] { return reference::head(options, input).loss_sum * input.loss_scale; };
    for (size_t k = 0; k < input.x.size(); ++k) {
      EXPECT_NEAR(out.dx[k], slopeOf(input.x[k], loss), 1e-6) << "dim " << dim << " x " << k;
    }
    for (size_t k = 0; k < input.W.size(); ++k) {
      // The parameter is the unit row; a raw row of length n sees the gradient divided by n.
      const double norm = normalizesWeights(options.type) ? rowNorm(input.W, k, dim) : 1;
      const double slope = slopeOf(input.W[k], loss);
      EXPECT_NEAR(out.dW[k] / norm, slope, 1e-6 * std::max(1.0, std::abs(slope)))
          << "dim " << dim << " W " << k;
    }
  }
}

/// By its definition: the loss is that of the margin logits, the gradient that of
/// sum_ij g_ij s c_ij with g held still.
TEST_P(CosineHead, DetachedFollowsItsDefinition) {
  const HeadOptions options = this->options(Gradient::kDetached);
  reference::HeadInput input = randomInput(4, 13, 7, GetParam().step, 1701);
  const reference::HeadOutput out = reference::head(options, input);
  EXPECT_EQ(out.loss_sum, reference::head(this->options(Gradient::kExact), input).loss_sum);
  auto surrogate = [&] {
    double sum = 0;
    for (size_t i = 0; i < 4; ++i) {
      for (size_t j = 0; j < 7; ++j) {
        double product = 0;
        for (size_t k = 0; k < 13; ++k)
          product += input.x[i * 13 + k] * input.W[j * 13 + k];
        sum += out.dlogits[i * 7 + j] * options.scale * product / rowNorm(input.x, i * 13, 13) /
               rowNorm(input.W, j * 13, 13);
      }
    }
    return sum;
  };
  for (size_t k = 0; k < input.x.size(); ++k)
    EXPECT_NEAR(out.dx[k], slopeOf(input.x[k], surrogate), 1e-7) << "x " << k;
  for (size_t k = 0; k < input.W.size(); ++k) {
    EXPECT_NEAR(out.dW[k] / rowNorm(input.W, k, 13), slopeOf(input.W[k], surrogate), 1e-7)
        << "W " << k;
  }
}

TEST_P(EveryHead, FastEqualsReferenceOnOddShapes) {
  std::vector<std::array<int, 3>> shapes = {{7, 64, 1}, {32, 512, 403}, {65, 48, 2000}};
  for (const int batch : {1, 3, 13, 127}) {
    for (const int dim : {3, 13, 127}) {
      for (const int classes : {1, 3, 13, 127})
        shapes.push_back({batch, dim, classes});
    }
  }
  for (const Gradient gradient : gradients()) {
    for (const auto& [batch, dim, classes] : shapes) {
      const reference::HeadInput input = randomInput(batch, dim, classes, GetParam().step, 7);
      const reference::HeadOutput want = reference::head(options(gradient), input);
      for (const bool streaming : {false, true}) {
        HeadOptions options = this->options(gradient);
        options.streaming = streaming;
        SCOPED_TRACE(::testing::Message()
                     << batch << "x" << dim << "x" << classes << " gradient "
                     << static_cast<int>(gradient) << " streaming " << streaming);
        const FastOutput got = runFast(options, input);
        EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 1e-5 * std::max(1.0, want.loss_sum));
        EXPECT_LT(relativeDifference(got.used_W, want.used_W), 1e-6);
        EXPECT_LT(relativeDifference(got.dx, want.dx), 2e-5);
        EXPECT_LT(relativeDifference(got.dW, want.dW), 2e-5);
      }
    }
  }
}

TEST_P(EveryHead, OneDimensionStaysFinite) {
  // Every cosine is +-1 there, where some slopes have no limit.
  for (const Gradient gradient : gradients()) {
    const reference::HeadInput input = randomInput(13, 1, 13, GetParam().step, 3);
    const FastOutput got = runFast(options(gradient), input);
    EXPECT_NEAR(got.stats.loss_sum, reference::head(options(gradient), input).loss_sum, 2e-2);
    for (const float value : got.dx)
      EXPECT_TRUE(std::isfinite(value));
    for (const float value : got.dW)
      EXPECT_TRUE(std::isfinite(value));
  }
}

TEST_P(EveryHead, AccumulateAdds) {
  for (const Gradient gradient : gradients()) {
    const reference::HeadInput input = randomInput(13, 24, 127, GetParam().step, 5);
    const FastOutput plain = runFast(options(gradient), input);
    const std::vector<float> before(plain.dW.size(), 0.25F);
    const FastOutput added = runFast(options(gradient), input, before);
    for (size_t k = 0; k < plain.dW.size(); ++k)
      ASSERT_NEAR(added.dW[k], plain.dW[k] + 0.25F, 1e-6);
  }
}

TEST_P(EveryHead, TheBitsDontDependOnTheNumberOfThreads) {
  const reference::HeadInput input = randomInput(20, 128, 5000, GetParam().step, 9);
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  const FastOutput one = runFast(options(gradients().back()), input);
  omp_set_num_threads(3);
  const FastOutput three = runFast(options(gradients().back()), input);
  omp_set_num_threads(before);
  EXPECT_EQ(one.stats.loss_sum, three.stats.loss_sum);
  EXPECT_EQ(one.dx, three.dx);
  EXPECT_EQ(one.dW, three.dW);
}

TEST_P(EveryHead, KeptAndStreamedLogitsGiveTheSameBits) {
  const reference::HeadInput input = randomInput(20, 128, 1000, GetParam().step, 9);
  HeadOptions options = this->options(gradients().back());
  options.streaming = false;
  const FastOutput kept = runFast(options, input);
  options.streaming = true;
  const FastOutput streamed = runFast(options, input);
  EXPECT_EQ(kept.stats.loss_sum, streamed.stats.loss_sum);
  EXPECT_EQ(kept.dx, streamed.dx);
  EXPECT_EQ(kept.dW, streamed.dW);
}

TEST_P(EveryHead, AZeroEmbeddingIsCountedAndGivesFiniteGradients) {
  for (const Gradient gradient : gradients()) {
    reference::HeadInput input = randomInput(2, 4, 5, GetParam().step, 11);
    std::fill_n(input.x.begin(), 4, 0.0);
    const reference::HeadOutput want = reference::head(options(gradient), input);
    const FastOutput got = runFast(options(gradient), input);
    EXPECT_EQ(got.stats.zero_norm, 1);
    EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 1e-5);
    EXPECT_LT(relativeDifference(got.dx, want.dx), 2e-5);
    EXPECT_LT(relativeDifference(got.dW, want.dW), 2e-5);
  }
}

TEST_P(EveryHead, HugeLogitsStayFinite) {
  for (const Gradient gradient : gradients()) {
    reference::HeadInput input = randomInput(3, 4, 50, GetParam().step, 11);
    for (double& value : input.x)
      value *= 1e4;
    HeadOptions options = this->options(gradient);
    options.scale = 1e4;
    const reference::HeadOutput want = reference::head(options, input);
    const FastOutput got = runFast(options, input);
    EXPECT_GT(got.stats.loss_sum, 100) << "the loss has no clamp";
    EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 1e-4 * want.loss_sum);
    for (const float value : got.dx)
      EXPECT_TRUE(std::isfinite(value));
    for (const float value : got.dW)
      EXPECT_TRUE(std::isfinite(value));
  }
}

TEST_P(EveryHead, NotANumberReachesTheLoss) {
  for (const bool in_x : {true, false}) {
    reference::HeadInput input = randomInput(3, 4, 5, GetParam().step, 11);
    (in_x ? input.x : input.W)[2] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_FALSE(std::isfinite(runFast(options(gradients()[0]), input).stats.loss_sum));
  }
}

/// By the reference's logits; half of the images lie near their class.
TEST_P(EveryHead, ImagesPastTheMarginAreCounted) {
  reference::HeadInput input = randomInput(40, 24, 30, GetParam().step, 5);
  for (size_t i = 0; i < 40; i += 2) {
    for (size_t k = 0; k < 24; ++k)
      input.x[24 * i + k] += 4 * input.W[24 * static_cast<size_t>(input.labels[i]) + k];
  }
  const HeadOptions options = this->options(gradients()[0]);
  const reference::HeadOutput want = reference::head(options, input);
  int64_t past = 0;
  for (size_t i = 0; i < 40; ++i) {
    const auto row = want.logits.begin() + static_cast<ptrdiff_t>(30 * i);
    past += std::max_element(row, row + 30) - row == input.labels[i] ? 1 : 0;
  }
  const HeadStats got = runFast(options, input).stats;
  EXPECT_EQ(got.past_margin, past);
  EXPECT_LE(past, got.correct);
}

/// What ranks with a range of classes each do, with the reductions done by hand.
TEST_P(EveryHead, RangesOfClassesMakeTheWhole) {
  const reference::HeadInput input = randomInput(13, 24, 127, GetParam().step, 21);
  for (const Gradient gradient : gradients()) {
    const HeadOptions options = this->options(gradient);
    const FastOutput whole = runFast(options, input);
    const std::vector<float> x(input.x.begin(), input.x.end());
    std::vector<float> W(input.W.begin(), input.W.end());
    const std::vector<int32_t> labels(input.labels.begin(), input.labels.end());
    std::vector<float> dW(W.size());
    const std::array<int, 4> bounds = {0, 50, 51, 127};
    std::vector<HeadPass> passes;
    std::vector<HeadWorkspace> spaces;
    std::vector<std::vector<float>> dx(3, std::vector<float>(x.size()));
    for (size_t r = 0; r < 3; ++r) {
      HeadPass pass;
      pass.batch = 13;
      pass.dim = 24;
      pass.first_class = bounds[r];
      pass.classes = bounds[r + 1] - bounds[r];
      pass.step = input.step;
      pass.loss_scale = static_cast<float>(input.loss_scale);
      pass.x = x.data();
      pass.W = W.data() + static_cast<ptrdiff_t>(bounds[r]) * 24;
      pass.labels = labels.data();
      pass.dx = dx[r].data();
      pass.dW = dW.data() + static_cast<ptrdiff_t>(bounds[r]) * 24;
      passes.push_back(pass);
      spaces.emplace_back(options, 13, 24, pass.classes);
      headForward(options, pass, spaces.back());
    }
    for (size_t i = 0; i < 13; ++i) {
      float top = -std::numeric_limits<float>::infinity();
      for (HeadWorkspace& space : spaces)
        top = std::max(top, space.top.span()[i]);
      double sum = 0;
      float target = 0;
      for (HeadWorkspace& space : spaces) {
        sum += space.sum.span()[i] * std::exp(static_cast<double>(space.top.span()[i] - top));
        target += space.target.span()[i];
      }
      for (HeadWorkspace& space : spaces) {
        space.top.span()[i] = top;
        space.sum.span()[i] = sum;
        space.target.span()[i] = target;
      }
    }
    HeadStats stats;
    std::vector<double> dx_sum(x.size());
    for (size_t r = 0; r < 3; ++r) {
      const HeadStats part = headBackward(options, passes[r], spaces[r]);
      stats.loss_sum += part.loss_sum;
      stats.correct += part.correct;
      stats.past_margin += part.past_margin;
      for (size_t k = 0; k < x.size(); ++k)
        dx_sum[k] += dx[r][k];
    }
    EXPECT_NEAR(stats.loss_sum, whole.stats.loss_sum, 1e-5 * whole.stats.loss_sum);
    EXPECT_EQ(stats.correct, whole.stats.correct);
    EXPECT_EQ(stats.past_margin, whole.stats.past_margin);
    EXPECT_LT(relativeDifference(dx_sum, whole.dx), 5e-6);
    EXPECT_LT(relativeDifference(dW, whole.dW), 5e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Cosine, EveryHead, kCosineHeads, nameOf);
INSTANTIATE_TEST_SUITE_P(Other, EveryHead, kOtherHeads, nameOf);
INSTANTIATE_TEST_SUITE_P(Cosine, CosineHead, kCosineHeads, nameOf);

// ------------------------------------------------------------------------- identities between
// heads

TEST(Head, MarginOneEqualsLargeLambda) {
  const reference::HeadInput plain = randomInput(5, 8, 9, {1, 0}, 3);
  reference::HeadInput annealed = plain;
  annealed.step = {4, 1e9};
  const HeadOptions exact = {.gradient = Gradient::kExact};
  EXPECT_NEAR(reference::head(exact, plain).loss_sum, reference::head(exact, annealed).loss_sum,
              1e-6);
}

TEST(Head, MarginOneEqualsSoftmaxWithUnitWeights) {
  const reference::HeadInput input = randomInput(5, 8, 9, {1, 0}, 3);
  const FastOutput a = runFast({.gradient = Gradient::kExact}, input);
  reference::HeadInput unit = input;
  unit.W.assign(a.used_W.begin(), a.used_W.end());
  const FastOutput b = runFast({.type = Type::kSoftmax, .gradient = Gradient::kExact}, unit);
  EXPECT_NEAR(a.stats.loss_sum, b.stats.loss_sum, 1e-5);
  EXPECT_LT(relativeDifference(a.dx, b.dx), 1e-6);
}

/// Embeddings of length s and weights of length 1: s cos(theta) either way.
TEST(Head, MarginOneOfScaledEmbeddingsEqualsNormFace) {
  reference::HeadInput input = randomInput(5, 8, 9, {1, 0}, 3);
  for (size_t k = 0; k < input.x.size(); k += 8) {
    const double norm = rowNorm(input.x, k, 8);
    for (size_t d = k; d < k + 8; ++d)
      input.x[d] *= 30 / norm;
  }
  const FastOutput a = runFast({.gradient = Gradient::kExact}, input);
  const FastOutput b = runFast({.type = Type::kNormFace, .gradient = Gradient::kExact}, input);
  EXPECT_NEAR(a.stats.loss_sum, b.stats.loss_sum, 1e-4);
  EXPECT_LT(relativeDifference(a.dW, b.dW), 1e-5);
}

TEST(Head, MarginsWithoutEffectEqualNormFace) {
  reference::HeadInput input = randomInput(5, 8, 9, {}, 3);
  const double want =
      reference::head({.type = Type::kNormFace, .gradient = Gradient::kExact}, input).loss_sum;
  for (const auto& [type, margin] : {std::pair{Type::kCosFace, 0.0},
                                     {Type::kArcFace, 0.0},
                                     {Type::kSphereFaceR1, 1.0},
                                     {Type::kSphereFaceR2, 1.0}}) {
    input.step.margin = margin;
    EXPECT_NEAR(reference::head({.type = type, .gradient = Gradient::kExact}, input).loss_sum, want,
                1e-12);
  }
}

TEST(Head, HypersphericalEnergyEqualsTheReference) {
  for (const Gradient gradient : {Gradient::kReference, Gradient::kExact}) {
    const HeadOptions options = {.gradient = gradient, .mhe_weight = 0.3};
    for (const int classes : {1, 2, 13, 127}) {
      const reference::HeadInput input = randomInput(29, 16, classes, {4, 5}, 3);
      const reference::HeadOutput want = reference::head(options, input);
      const FastOutput got = runFast(options, input);
      EXPECT_NEAR(got.stats.mhe_sum, want.mhe_sum, 1e-5 * want.mhe_sum + 1e-12);
      EXPECT_NEAR(got.stats.loss_sum, want.loss_sum, 1e-5 * want.loss_sum);
      EXPECT_LT(relativeDifference(got.dW, want.dW), 2e-5) << classes;
    }
  }
}

TEST(Head, EqualClassesHaveAFiniteEnergy) {
  reference::HeadInput input = randomInput(2, 4, 2, {4, 5}, 3);
  input.labels = {0, 1};
  std::copy_n(input.W.begin(), 4, input.W.begin() + 4);
  const FastOutput got = runFast({.mhe_weight = 1}, input);
  EXPECT_TRUE(std::isfinite(got.stats.loss_sum));
  for (const float value : got.dW)
    EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace sphereface
