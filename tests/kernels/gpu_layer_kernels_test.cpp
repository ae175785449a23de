// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/layer_kernels.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/kernels/gpu_arrays.h"
#include "tests/support/golden.h"

namespace sphereface {
namespace {

using testing::elementOf;
using testing::fromDevice;
using testing::onDevice;
using testing::padded;
using testing::relativeDifference;
using testing::unpadded;

template <class T>
constexpr double kTolerance = std::is_same_v<T, float> ? 1e-6 : 5e-3;

std::vector<double> randomValues(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<double> values(count);
  for (double& value : values)
    value = random.normal();
  return values;
}

std::vector<float> floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

/// Values as T holds them.
template <class T>
std::vector<double> rounded(const std::vector<double>& values) {
  std::vector<double> out = values;
  for (double& value : out)
    value = static_cast<double>(toFloat(elementOf<T>(value)));
  return out;
}

template <class T>
class LayerKernels : public ::testing::Test {};

using Types = ::testing::Types<float, Bf16>;
TYPED_TEST_SUITE(LayerKernels, Types);

TYPED_TEST(LayerKernels, NormalizeImages) {
  using Sizes = std::tuple<size_t, size_t, size_t>;
  for (const auto& [batch, channels, pixels] : {Sizes{1, 3, 1}, {3, 3, 91}, {2, 1, 300}}) {
    const size_t count = batch * channels * pixels;
    std::vector<uint8_t> images(count);
    Random random(1);
    for (uint8_t& byte : images)
      byte = static_cast<uint8_t>(random.below(256));
    const size_t out_count = batch * pixels * kPack;
    DeviceBuffer<TypeParam> out(out_count);
    const DeviceBuffer<uint8_t> device_images = onDevice(images);
    normalizeImages(device_images.data(), static_cast<int>(batch), static_cast<int>(channels),
                    static_cast<int>(pixels), 127.5F, 0.0078125F, out.data(), nullptr);
    const std::vector<TypeParam> got = fromDevice(out);
    for (size_t k = 0; k < out_count; ++k) {
      const size_t pixel = k / kPack;
      const size_t c = k % kPack;
      const size_t image = pixel / pixels;
      double want = 0;
      if (c < channels) {
        const size_t plane = image * channels + c;
        want = (images[plane * pixels + pixel % pixels] - 127.5) * 0.0078125;
      }
      ASSERT_EQ(toFloat(got[k]), toFloat(elementOf<TypeParam>(want))) << k;
    }
  }
}

struct PreluCase {
  size_t rows;
  int channels;
};

const std::vector<PreluCase> kPreluCases = {{1, 1}, {7, 13}, {100, 64}, {259, 24}, {65, 512}};

TYPED_TEST(LayerKernels, PreluForward) {
  for (const PreluCase& c : kPreluCases) {
    const auto width = static_cast<size_t>(c.channels);
    const std::vector<double> z = rounded<TypeParam>(randomValues(c.rows * width, 1));
    const std::vector<double> skip = rounded<TypeParam>(randomValues(c.rows * width, 2));
    const std::vector<double> bias = randomValues(width, 3);
    const std::vector<double> slope = randomValues(width, 4);
    for (const bool with_skip : {false, true}) {
      const ChannelShape shape = {c.rows, c.channels};
      const auto device_z = onDevice(padded<TypeParam>(z, c.channels));
      const auto device_skip = onDevice(padded<TypeParam>(skip, c.channels));
      const auto device_bias = onDevice(floats(bias));
      const auto device_slope = onDevice(floats(slope));
      DeviceBuffer<TypeParam> out(shape.elements());
      preluForward(shape, device_z.data(), device_bias.data(), device_slope.data(),
                   with_skip ? device_skip.data() : nullptr, out.data(), nullptr);
      std::vector<double> want;
      for (size_t k = 0; k < z.size(); ++k) {
        const double pre = z[k] + bias[k % width];
        want.push_back((pre > 0 ? pre : slope[k % width] * pre) + (with_skip ? skip[k] : 0));
      }
      const std::vector<TypeParam> got = fromDevice(out);
      EXPECT_LT(relativeDifference(unpadded(got, c.channels), want), kTolerance<TypeParam>)
          << c.rows << "x" << c.channels;
      // What the next convolution multiplies with zeros mustn't be a NaN.
      double padding = 0;
      for (const TypeParam& value : got)
        padding += std::abs(static_cast<double>(toFloat(value)));
      for (const double value : unpadded(got, c.channels))
        padding -= std::abs(value);
      EXPECT_NEAR(padding, 0, 1e-9);
    }
  }
}

TYPED_TEST(LayerKernels, PreluBackward) {
  for (const PreluCase& c : kPreluCases) {
    for (const int variant : {0, 1, 2, 3, 4, 5}) {
      const bool with_branch = variant % 3 > 0;
      const bool keep_branch = variant % 3 == 2;
      const bool with_bias = variant >= 3;
      SCOPED_TRACE(::testing::Message() << c.rows << "x" << c.channels << " variant " << variant);
      const auto width = static_cast<size_t>(c.channels);
      const ChannelShape shape = {c.rows, c.channels};
      const std::vector<double> z = rounded<TypeParam>(randomValues(c.rows * width, 1));
      const std::vector<double> grad = rounded<TypeParam>(randomValues(c.rows * width, 2));
      const std::vector<double> branch = rounded<TypeParam>(randomValues(c.rows * width, 5));
      const std::vector<float> bias = floats(randomValues(width, 3));
      const std::vector<float> slope = floats(randomValues(width, 4));
      const auto device_z = onDevice(padded<TypeParam>(z, c.channels));
      const auto device_branch = onDevice(padded<TypeParam>(branch, c.channels));
      const auto device_bias = onDevice(bias);
      const auto device_slope = onDevice(slope);
      const DeviceBuffer<float> scratch(preluBackwardScratch(shape));
      const auto d_slope = onDevice(std::vector<float>(width, 100));
      const auto d_bias = onDevice(std::vector<float>(width, 100));
      // In place.
      const auto device_grad = onDevice(padded<TypeParam>(grad, c.channels));
      for (const bool accumulate : {false, true}) {
        const auto fresh = onDevice(padded<TypeParam>(grad, c.channels));
        PreluGradients gradients;
        gradients.d_slope = d_slope.data();
        gradients.d_bias = with_bias ? d_bias.data() : nullptr;
        gradients.accumulate = accumulate;
        preluBackward(shape, device_z.data(), device_bias.data(), device_slope.data(),
                      accumulate ? fresh.data() : device_grad.data(),
                      with_branch ? device_branch.data() : nullptr, keep_branch && accumulate,
                      accumulate ? fresh.data() : device_grad.data(), gradients, scratch.data(),
                      nullptr);
      }
      std::vector<double> dpre;
      std::vector<double> total;
      std::vector<double> want_slope(width);
      std::vector<double> want_bias(width);
      for (size_t k = 0; k < z.size(); ++k) {
        const size_t channel = k % width;
        const double pre = z[k] + static_cast<double>(bias[channel]);
        const double g = grad[k] + (with_branch ? branch[k] : 0);
        total.push_back(g);
        dpre.push_back(pre > 0 ? g : static_cast<double>(slope[channel]) * g);
        want_slope[channel] += 2 * (pre > 0 ? 0 : pre * g);
        want_bias[channel] += 2 * dpre.back();
      }
      EXPECT_LT(relativeDifference(unpadded(fromDevice(device_grad), c.channels), dpre),
                kTolerance<TypeParam>);
      EXPECT_LT(relativeDifference(fromDevice(d_slope), want_slope), 1e-5);
      if (with_bias) {
        EXPECT_LT(relativeDifference(fromDevice(d_bias), want_bias), 1e-5);
      }
      EXPECT_LT(relativeDifference(unpadded(fromDevice(device_branch), c.channels),
                                   keep_branch ? total : branch),
                kTolerance<TypeParam>);
    }
  }
}

TYPED_TEST(LayerKernels, FiltersGoToPacksAndBack) {
  for (const FilterShape& shape :
       {FilterShape{1, 1, 1}, {3, 5, 9}, {2, 40, 9}, {5, 13, 42}, {4, 64, 70}}) {
    const std::vector<float> plain = floats(rounded<TypeParam>(randomValues(shape.count(), 1)));
    const auto device_plain = onDevice(plain);
    DeviceBuffer<TypeParam> packed(shape.packedCount());
    packFilter(shape, device_plain.data(), packed.data(), nullptr);
    const std::vector<TypeParam> got = fromDevice(packed);
    const auto in = static_cast<size_t>(shape.in);
    const auto taps = static_cast<size_t>(shape.taps);
    const auto padded_in = static_cast<size_t>(paddedToPacks(shape.in));
    for (size_t at = 0; at < got.size(); ++at) {
      const size_t i = at % padded_in;
      const size_t tap = at / padded_in % taps;
      const size_t o = at / padded_in / taps;
      ASSERT_EQ(toFloat(got[at]), i < in ? plain[(o * in + i) * taps + tap] : 0);
    }
    const auto back = onDevice(std::vector<float>(shape.count(), 9));
    unpackFilter(shape, packed.data(), back.data(), false, nullptr);
    EXPECT_EQ(fromDevice(back), plain);
    unpackFilter(shape, packed.data(), back.data(), true, nullptr);
    std::vector<float> twice = plain;
    for (float& value : twice)
      value *= 2;
    EXPECT_EQ(fromDevice(back), twice);
  }
}

TYPED_TEST(LayerKernels, RowsAreConverted) {
  const std::vector<double> values = rounded<TypeParam>(randomValues(37 * 13, 1));
  const auto in = onDevice(floats(values));
  DeviceBuffer<TypeParam> out(37 * 16);
  convertRows(37, 13, in.data(), out.data(), nullptr);
  EXPECT_EQ(unpadded(fromDevice(out), 13), values);
}

TEST(RowKernels, FillAndSum) {
  for (const auto& [rows, columns] : {std::pair<size_t, int>{1, 1}, {33, 7}, {130, 512}}) {
    const auto width = static_cast<size_t>(columns);
    const std::vector<float> row = floats(randomValues(width, 1));
    const auto device_row = onDevice(row);
    DeviceBuffer<float> filled(rows * width);
    fillRows(rows, columns, device_row.data(), filled.data(), nullptr);
    const std::vector<float> values = fromDevice(filled);
    for (size_t k = 0; k < values.size(); ++k)
      ASSERT_EQ(values[k], row[k % width]);

    const std::vector<double> random = randomValues(rows * width, 2);
    const auto in = onDevice(floats(random));
    const DeviceBuffer<float> scratch(sumRowsScratch(rows, columns));
    const auto sum = onDevice(row);
    std::vector<double> want(row.begin(), row.end());
    for (size_t k = 0; k < random.size(); ++k)
      want[k % width] += random[k];
    sumRows(rows, columns, in.data(), true, sum.data(), scratch.data(), nullptr);
    EXPECT_LT(relativeDifference(fromDevice(sum), want), 1e-6);
    for (size_t k = 0; k < width; ++k)
      want[k] -= static_cast<double>(row[k]);
    sumRows(rows, columns, in.data(), false, sum.data(), scratch.data(), nullptr);
    EXPECT_LT(relativeDifference(fromDevice(sum), want), 1e-6);
  }
}

}  // namespace
}  // namespace sphereface
