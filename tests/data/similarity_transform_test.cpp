// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/similarity_transform.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"

namespace sphereface {
namespace {

/// The example of Matlab's documentation of cp2tform; its answer is a reflection-free transform
/// given as T, which maps source to target in row vectors.
TEST(SimilarityTransform, AgreesWithMatlabsDocumentedExample) {
  const std::array<cv::Point2d, 3> source = {{{0, 0}, {6, 3}, {-2, 5}}};
  const std::array<cv::Point2d, 3> target = {{{-1, -1}, {0, -10}, {4, 4}}};
  const std::array<cv::Point2d, 3> mapped = {
      {{-3.2156, 0.0290}, {1.1833, -9.9143}, {5.0323, 2.8853}}};
  const cv::Matx23d inverse = targetToSource(source, target);
  for (size_t i = 0; i < source.size(); ++i) {
    const cv::Vec2d back = inverse * cv::Vec3d(mapped[i].x, mapped[i].y, 1);
    EXPECT_NEAR(back[0], source[i].x, 2e-3);
    EXPECT_NEAR(back[1], source[i].y, 2e-3);
  }
}

TEST(SimilarityTransform, RecoversAReflection) {
  const std::array<cv::Point2d, 3> target = {{{0, 0}, {2, 0}, {0, 1}}};
  std::array<cv::Point2d, 3> source;
  for (size_t i = 0; i < 3; ++i)
    source[i] = {5 - 3 * target[i].x, 7 + 3 * target[i].y};
  const cv::Matx23d m = targetToSource(source, target);
  EXPECT_NEAR(m(0, 0), -3, 1e-12);
  EXPECT_NEAR(m(1, 1), 3, 1e-12);
  EXPECT_NEAR(m(0, 2), 5, 1e-12);
  EXPECT_NEAR(m(1, 2), 7, 1e-12);
}

TEST(SimilarityTransform, RefusesCoincidingOrUnequalPoints) {
  const std::array<cv::Point2d, 2> same = {{{1, 1}, {1, 1}}};
  const std::array<cv::Point2d, 2> apart = {{{1, 1}, {2, 1}}};
  EXPECT_THROW(targetToSource(apart, same), Error);
  EXPECT_THROW(targetToSource(apart, std::span(same).first(1)), Error);
}

}  // namespace
}  // namespace sphereface
