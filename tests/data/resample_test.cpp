// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <opencv2/imgproc.hpp>

#include "base/random.h"

namespace sphereface {
namespace {

cv::Mat randomImage(int height, int width) {
  Random random(3, static_cast<uint64_t>(height), static_cast<uint64_t>(width));
  cv::Mat image(height, width, CV_8UC4);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width * 4; ++x)
      image.ptr(y)[x] = static_cast<uchar>(random.below(256));
  }
  return image;
}

cv::Mat resampled(const cv::Mat& image, const cv::Rect& crop, const cv::Size& size) {
  Resampler resampler(image, crop, size);
  cv::Mat result(size, CV_32FC4);
  for (int y = 0; y < size.height; ++y) {
    std::copy_n(resampler.row(y), size.width * 4, result.ptr<float>(y));
  }
  return result;
}

cv::Rect whole(const cv::Mat& image) {
  return {0, 0, image.cols, image.rows};
}

double greatestDifference(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_INF);
}

cv::Mat openCvResized(const cv::Mat& image, const cv::Size& size, int method) {
  cv::Mat values;
  image.convertTo(values, CV_32F);
  cv::Mat result;
  cv::resize(values, result, size, 0, 0, method);
  return result;
}

TEST(Resample, ShrinksByAreaAveragingAsOpenCvDoes) {
  const cv::Mat image = randomImage(31, 47);
  for (const cv::Size size :
       {cv::Size(24, 24), cv::Size(46, 30), cv::Size(12, 13), cv::Size(1, 1)}) {
    EXPECT_LT(greatestDifference(resampled(image, whole(image), size),
                                 openCvResized(image, size, cv::INTER_AREA)),
              0.15)  // both drop weights below a thousandth, each in its own way
        << size;
  }
}

TEST(Resample, AveragesWholeBlocks) {
  const cv::Mat image = randomImage(24, 36);
  for (const int ratio : {2, 3, 4}) {
    const cv::Size size(image.cols / ratio, image.rows / ratio);
    const cv::Mat result = resampled(image, whole(image), size);
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        const cv::Scalar mean =
            cv::mean(image(cv::Rect(x * ratio, y * ratio, ratio, ratio))) / (1 + 1e-6);
        for (int c = 0; c < 4; ++c) {
          ASSERT_NEAR(result.at<cv::Vec4f>(y, x)[c], mean[c], 1e-3);
        }
      }
    }
  }
}

TEST(Resample, GrowsLinearlyAsOpenCvDoes) {
  const cv::Mat image = randomImage(9, 13);
  for (const cv::Size size : {cv::Size(24, 24), cv::Size(14, 10), cv::Size(48, 27)}) {
    EXPECT_LT(greatestDifference(resampled(image, whole(image), size),
                                 openCvResized(image, size, cv::INTER_LINEAR)),
              2e-3)
        << size;
  }
}

TEST(Resample, KeepsAnImageOfTheRightSize) {
  const cv::Mat image = randomImage(24, 24);
  EXPECT_EQ(greatestDifference(resampled(image, whole(image), image.size()),
                               openCvResized(image, image.size(), cv::INTER_NEAREST)),
            0);
}

TEST(Resample, GrowsOneAxisAndShrinksTheOther) {
  const cv::Mat image = randomImage(60, 10);
  const cv::Mat result = resampled(image, whole(image), {24, 24});
  const cv::Mat expected =
      openCvResized(openCvResized(image, {10, 24}, cv::INTER_AREA), {24, 24}, cv::INTER_LINEAR);
  EXPECT_LT(greatestDifference(result, expected), 0.15);
}

TEST(Resample, TakesWhatIsOutsideTheImageForZero) {
  const cv::Mat image = randomImage(20, 30);
  const int border = 40;
  cv::Mat padded;
  cv::copyMakeBorder(image, padded, border, border, border, border, cv::BORDER_CONSTANT);
  for (const cv::Rect crop :
       {cv::Rect(-7, -3, 25, 25), cv::Rect(20, 10, 30, 31), cv::Rect(-10, -10, 60, 50),
        cv::Rect(-5, 5, 10, 10), cv::Rect(-30, -30, 12, 12), cv::Rect(29, 19, 1, 1)}) {
    const cv::Rect shifted = crop + cv::Point(border, border);
    EXPECT_LT(
        greatestDifference(resampled(image, crop, {24, 24}), resampled(padded, shifted, {24, 24})),
        1e-4)
        << crop;
  }
}

TEST(Resample, WeightsSumToOne) {
  for (const auto& [from, to] : {std::pair{250, 150}, std::pair{251, 12}, std::pair{7, 48},
                                 std::pair{1, 24}, std::pair{48, 48}, std::pair{100, 1}}) {
    const ResampleAxis axis = resampleAxis(from, to, 0, from);
    ASSERT_EQ(axis.begin.size(), static_cast<size_t>(to) + 1);
    for (int i = 0; i < to; ++i) {
      const float sum = std::accumulate(axis.weights.begin() + axis.begin[i],
                                        axis.weights.begin() + axis.begin[i + 1], 0.0F);
      EXPECT_NEAR(sum, 1, 2e-3) << from << " to " << to << ", output " << i;
      EXPECT_GE(axis.first[i], 0);
      EXPECT_LE(axis.first[i] + axis.begin[i + 1] - axis.begin[i], from);
    }
  }
}

}  // namespace
}  // namespace sphereface
