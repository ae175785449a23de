// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "base/image_planes.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

constexpr int kHeight = 40;
constexpr int kWidth = 30;
constexpr size_t kArea = size_t{kHeight} * kWidth;

/// B, G and R planes.
using Planes = std::vector<uint8_t>;

Planes planesOf(const cv::Mat& image) {
  Planes planes(3 * image.total());
  copyPlanes(image, planes.data());
  return planes;
}

Planes variant(const cv::Mat& image, const AugmentOptions& options, uint64_t key) {
  Augmenter augmenter(options);
  Random random(key);
  Planes planes(3 * image.total());
  augmenter.apply(planesOf(image).data(), image.size(), random, planes.data());
  return planes;
}

cv::Mat noise(uint64_t key) {
  Random random(key);
  cv::Mat image(kHeight, kWidth, CV_8UC3);
  for (size_t i = 0; i < 3 * kArea; ++i)
    image.data[i] = static_cast<uint8_t>(random.below(256));
  return image;
}

cv::Mat flat(const cv::Scalar& bgr) {
  return {kHeight, kWidth, CV_8UC3, bgr};
}

int largestDifference(const Planes& a, const Planes& b) {
  int largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

double mean(const Planes& planes) {
  double sum = 0;
  for (const uint8_t byte : planes)
    sum += byte;
  return sum / static_cast<double>(planes.size());
}

AugmentOptions everything() {
  return {.mirror = true,
          .rotation = 5,
          .scale = 0.05,
          .shift = 2,
          .low_resolution = 0.5,
          .grayscale = 0.3,
          .color_gain = 0.1,
          .contrast = 0.2,
          .brightness = 20,
          .cutout = 0};
}

TEST(Augment, ChangesNothingWhenAllIsOff) {
  const cv::Mat image = noise(1);
  for (uint64_t key = 0; key < 20; ++key)
    EXPECT_EQ(variant(image, {}, key), planesOf(image));
}

TEST(Augment, DependsOnTheKeyAloneNotOnTheImagesBefore) {
  Augmenter used(everything());
  Planes planes(3 * kArea);
  Planes larger(3 * size_t{50} * 60);
  for (uint64_t key = 0; key < 50; ++key) {
    Random other(1000 + key);
    const Planes before = planesOf(testImage(9, 50, 60));
    used.apply(before.data(), {60, 50}, other, larger.data());
    Random random(key);
    used.apply(planesOf(noise(key)).data(), {kWidth, kHeight}, random, planes.data());
    EXPECT_EQ(planes, variant(noise(key), everything(), key));
  }
  EXPECT_NE(variant(noise(1), everything(), 1), variant(noise(1), everything(), 2));
}

TEST(Augment, MirrorsHalfOfTheImagesAndLeavesTheRestAlone) {
  const cv::Mat image = testImage(3);
  cv::Mat flipped;
  cv::flip(image, flipped, 1);
  int mirrored = 0;
  for (uint64_t key = 0; key < 400; ++key) {
    const Planes result = variant(image, {.mirror = true}, key);
    const bool is_flipped = result == planesOf(flipped);
    EXPECT_TRUE(is_flipped || result == planesOf(image));
    mirrored += is_flipped ? 1 : 0;
  }
  EXPECT_NEAR(mirrored, 200, 50);
}

/// With spreads too small to see, the transform must be the identity or the mirror image: a wrong
/// centre would shift it.
TEST(Augment, TransformsAboutTheCentre) {
  const cv::Mat image = testImage(3, kHeight, kWidth);
  cv::Mat flipped;
  cv::flip(image, flipped, 1);
  for (uint64_t key = 0; key < 20; ++key) {
    const Planes result = variant(image, {.mirror = true, .rotation = 1e-6}, key);
    EXPECT_TRUE(largestDifference(result, planesOf(flipped)) <= 1 ||
                largestDifference(result, planesOf(image)) <= 1);
  }
}

/// Alternating columns are the finest detail there is; a smaller image can't hold them.
TEST(Augment, LowResolutionLosesDetailButNotTheLevel) {
  cv::Mat stripes = flat(cv::Scalar::all(100));
  for (int x = 0; x < kWidth; x += 2)
    stripes.col(x).setTo(cv::Scalar::all(180));
  int coarse = 0;
  for (uint64_t key = 0; key < 400; ++key) {
    const Planes result = variant(stripes, {.low_resolution = 0.3}, key);
    if (result == planesOf(stripes)) continue;
    ++coarse;
    EXPECT_NEAR(mean(result), 140, 4);
    double contrast = 0;
    for (size_t i = 1; i < kArea; ++i)
      contrast += std::abs(result[i] - result[i - 1]);
    EXPECT_LT(contrast / kArea, 60) << "80 in the image";
    EXPECT_LE(largestDifference(variant(flat({10, 20, 30}), {.low_resolution = 0.3}, key),
                                planesOf(flat({10, 20, 30}))),
              1);
  }
  EXPECT_NEAR(coarse, 120, 40);
}

TEST(Augment, GreyIsOpenCvsLumaInEqualPlanes) {
  const cv::Mat image = noise(2);
  cv::Mat luma;
  cv::cvtColor(image, luma, cv::COLOR_BGR2GRAY);
  int grey = 0;
  for (uint64_t key = 0; key < 400; ++key) {
    const Planes result = variant(image, {.grayscale = 0.2}, key);
    if (result == planesOf(image)) continue;
    ++grey;
    for (size_t i = 0; i < kArea; ++i) {
      ASSERT_NEAR(result[i], luma.data[i], 1);
      ASSERT_EQ(result[i], result[i + kArea]);
      ASSERT_EQ(result[i], result[i + 2 * kArea]);
    }
  }
  EXPECT_NEAR(grey, 80, 35);
}

TEST(Augment, ColourGainsMultiplyEachChannelByItsOwnFactor) {
  const cv::Mat image = flat({40, 80, 120});
  double sum = 0;
  double squares = 0;
  for (uint64_t key = 0; key < 400; ++key) {
    const Planes result = variant(image, {.color_gain = 0.2}, key);
    const Planes half = variant(flat({20, 40, 60}), {.color_gain = 0.2}, key);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(result[c * kArea], 2 * half[c * kArea], 1.5);
      const double gain = std::log(result[c * kArea] / (40.0 * static_cast<double>(c + 1)));
      sum += gain;
      squares += gain * gain;
    }
  }
  EXPECT_NEAR(sum / 1200, 0, 0.03);
  EXPECT_NEAR(std::sqrt(squares / 1200), 0.2, 0.02);
}

TEST(Augment, ContrastScalesTheDistanceFromMidGrey) {
  cv::Mat image = flat(cv::Scalar::all(107));
  image.row(0).setTo(cv::Scalar::all(147));
  double squares = 0;
  for (uint64_t key = 0; key < 400; ++key) {
    const Planes result = variant(image, {.contrast = 0.3}, key);
    const double above = result.front() - 127.0;
    EXPECT_NEAR(above, 127.0 - result.back(), 2);
    squares += std::pow(std::log(above / 20), 2);
  }
  EXPECT_NEAR(std::sqrt(squares / 400), 0.3, 0.05);
}

TEST(Augment, BrightnessShiftsTheMeanByItsDeviation) {
  const cv::Mat image = flat(cv::Scalar::all(127));
  double sum = 0;
  double squares = 0;
  for (uint64_t key = 0; key < 400; ++key) {
    const Planes result = variant(image, {.brightness = 20}, key);
    EXPECT_EQ(std::count(result.begin(), result.end(), result[0]),
              static_cast<ptrdiff_t>(result.size()));
    const double shift = result[0] - 127.0;
    sum += shift;
    squares += shift * shift;
  }
  EXPECT_NEAR(sum / 400, 0, 3);
  EXPECT_NEAR(std::sqrt(squares / 400), 20, 2);
  const Planes black = variant(flat({0, 0, 0}), {.brightness = 1000}, 1);
  EXPECT_TRUE(black[0] == 0 || black[0] == 255);
}

/// Whatever else is done to the image, the cut-out paints one grey rectangle over it and leaves the
/// rest as it is without a cut-out.
TEST(Augment, CutOutLeavesTheRestUntouched) {
  AugmentOptions cutting = everything();
  cutting.cutout = 0.4;
  int cut = 0;
  for (uint64_t key = 0; key < 400; ++key) {
    const Planes without = variant(noise(key), everything(), key);
    const Planes with = variant(noise(key), cutting, key);
    if (with == without) continue;
    ++cut;
    std::vector<cv::Point> changed;
    for (int i = 0; i < static_cast<int>(with.size()); ++i) {
      if (with[static_cast<size_t>(i)] == without[static_cast<size_t>(i)]) continue;
      const int pixel = i % static_cast<int>(kArea);
      changed.emplace_back(pixel % kWidth, pixel / kWidth);
    }
    const cv::Rect hole = cv::boundingRect(changed);
    EXPECT_LE(hole.width, 0.45 * kWidth + 1);
    EXPECT_LE(hole.height, 0.45 * kHeight + 1);
    for (size_t c = 0; c < 3; ++c) {
      for (int y = hole.y; y < hole.br().y; ++y) {
        for (int x = hole.x; x < hole.br().x; ++x)
          ASSERT_EQ(with[c * kArea + static_cast<size_t>(y * kWidth + x)], 127);
      }
    }
  }
  EXPECT_NEAR(cut, 160, 40);
}

TEST(Augment, TakesImagesOfAPixel) {
  AugmentOptions options = everything();
  options.low_resolution = options.cutout = 1;
  for (uint64_t key = 0; key < 20; ++key)
    EXPECT_EQ(variant(testImage(1, 1, 1), options, key), Planes(3, 127));
}

}  // namespace
}  // namespace sphereface
