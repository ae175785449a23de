// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/blocked_prelu.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace sphereface {
namespace {

constexpr int kImages = 2;
constexpr int kBlocks = 3;

struct Case {
  int lanes;
  int pixels;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.pixels << " pixels of " << c.lanes;
}

/// PReLU forward and backward in double precision, element by element.
struct Expected {
  std::vector<double> post;
  std::vector<double> dpre;
  std::vector<double> dslope;  // [image][channel]
};

template <class T>
std::vector<T> randomTensor(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<T> values(count);
  for (T& value : values)
    storeFloat(value, static_cast<float>(random.normal()));
  return values;
}

/// Among them zero, a tiny one, and negative ones.
std::vector<float> slopesOf(int channels) {
  std::vector<float> slopes;
  for (int k = 0; k < channels; ++k)
    slopes.push_back(static_cast<float>(k % 7 - 2) * 0.15F);
  slopes[1] = 0;
  slopes[3] = 1e-30F;
  return slopes;
}

template <class T>
Expected expect(const BlockedShape& shape, const std::vector<T>& pre, const std::vector<T>& grad,
                const std::vector<T>& added, const std::vector<float>& slopes) {
  Expected e;
  e.dslope.resize(static_cast<size_t>(shape.images * shape.paddedChannels()));
  const auto lanes = static_cast<size_t>(shape.channels_per_block);
  const size_t block = static_cast<size_t>(shape.pixels) * lanes;
  for (size_t i = 0; i < pre.size(); ++i) {
    const size_t channel = i / block % static_cast<size_t>(shape.blocks) * lanes + i % lanes;
    const double slope = slopes[channel];
    const double x = toFloat(pre[i]);
    const double g = static_cast<double>(toFloat(grad[i])) + toFloat(added[i]);
    e.post.push_back(x > 0 ? x : slope * x);
    e.dpre.push_back(x > 0 ? g : slope * g);
    if (!(x > 0)) e.dslope[i / block * lanes + i % lanes] += x * g;
  }
  return e;
}

template <class T>
void near(const std::vector<T>& got, const std::vector<double>& want, double tolerance,
          const char* what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(toFloat(got[i]), want[i], tolerance * (1 + std::fabs(want[i]))) << what << ' ' << i;
  }
}

template <class T>
void compare(const Case& c, double tolerance) {
  const BlockedShape shape = {kImages, kBlocks, c.pixels, c.lanes};
  const auto count = static_cast<size_t>(kImages * kBlocks * c.pixels * c.lanes);
  const auto pre = randomTensor<T>(count, 1);
  const auto grad = randomTensor<T>(count, 2);
  const auto skip = randomTensor<T>(count, 3);
  const std::vector<T> none(count);
  const std::vector<float> slopes = slopesOf(shape.paddedChannels());
  std::vector<float> dslope(static_cast<size_t>(kImages * shape.paddedChannels()));
  const double sum_tolerance = tolerance * std::sqrt(c.pixels) * 4;

  // Without a residual: in place, with and without a branch's gradient.
  std::vector<T> post = pre;
  std::vector<uint32_t> signs(shape.signWords());
  preluInPlace(shape, post.data(), slopes.data(), signs.data());
  for (const bool with_branch : {false, true}) {
    const Expected e = expect(shape, pre, grad, with_branch ? skip : none, slopes);
    near(post, e.post, tolerance, "post");
    std::vector<T> dpre = grad;
    std::vector<T> branch = skip;
    preluBackward<T>(shape, {post.data(), signs.data()}, slopes.data(), dpre.data(),
                     with_branch ? branch.data() : nullptr, dpre.data(), dslope.data());
    near(dpre, e.dpre, tolerance, "dpre");
    near(dslope, e.dslope, sum_tolerance, "dslope");
  }

  // A residual layer keeps its input; its incoming gradient stays for the skip.
  std::vector<T> sum(count);
  preluResidual(shape, pre.data(), slopes.data(), skip.data(), sum.data());
  Expected e = expect(shape, pre, grad, none, slopes);
  for (size_t i = 0; i < count; ++i)
    e.post[i] += toFloat(skip[i]);
  near(sum, e.post, tolerance, "sum");
  std::vector<T> dpre(count);
  preluBackward<T>(shape, {pre.data(), nullptr}, slopes.data(), grad.data(), nullptr, dpre.data(),
                   dslope.data());
  near(dpre, e.dpre, tolerance, "residual dpre");
  near(dslope, e.dslope, sum_tolerance, "residual dslope");

  std::vector<T> branch = skip;
  const Expected both = expect(shape, pre, grad, skip, slopes);
  preluBackward<T>(shape, {pre.data(), nullptr}, slopes.data(), grad.data(), branch.data(),
                   dpre.data(), dslope.data());
  near(dpre, both.dpre, tolerance, "residual dpre with branch");
  for (size_t i = 0; i < count; ++i) {
    ASSERT_NEAR(toFloat(branch[i]), toFloat(grad[i]) + toFloat(skip[i]), 8 * tolerance);
  }
}

class BlockedPrelu : public ::testing::TestWithParam<Case> {};

TEST_P(BlockedPrelu, Fp32EqualsDefinition) {
  compare<float>(GetParam(), 1e-6);
}

TEST_P(BlockedPrelu, Bf16EqualsDefinitionToItsPrecision) {
  compare<Bf16>(GetParam(), 0.01);
}

INSTANTIATE_TEST_SUITE_P(Shapes, BlockedPrelu,
                         ::testing::Values(Case{16, 1}, Case{16, 31}, Case{16, 32}, Case{16, 127},
                                           Case{8, 3}, Case{8, 33}, Case{8, 64}));

}  // namespace
}  // namespace sphereface
