// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/mtcnn_boxes.h"

#include <gtest/gtest.h>

namespace sphereface {
namespace {

using Indices = std::vector<size_t>;

TEST(MtcnnBoxes, SuppressionKeepsTheBestOfOverlappingBoxes) {
  const std::vector<MtcnnBox> boxes = {
      {1, 1, 10, 10, 0.7F, {}}, {2, 1, 11, 10, 0.9F, {}}, {50, 50, 60, 60, 0.8F, {}}};
  EXPECT_EQ(suppressNonMaxima(boxes, 0.5F, Overlap::kUnion), (Indices{1, 2}));
  // Intersection 90, union 110.
  EXPECT_EQ(suppressNonMaxima(boxes, 0.82F, Overlap::kUnion), (Indices{1, 2, 0}));
}

TEST(MtcnnBoxes, OverlapEqualToTheThresholdIsKept) {
  // 10x10 boxes sharing 10x5: 50 / 150 and 50 / 100.
  const std::vector<MtcnnBox> boxes = {{1, 1, 10, 10, 0.9F, {}}, {1, 6, 10, 15, 0.8F, {}}};
  EXPECT_EQ(suppressNonMaxima(boxes, 0.5F, Overlap::kMin).size(), 2U);
  EXPECT_EQ(suppressNonMaxima(boxes, 0.4999F, Overlap::kMin).size(), 1U);
  EXPECT_EQ(suppressNonMaxima(boxes, 50.0F / 150.0F, Overlap::kUnion).size(), 2U);
  EXPECT_EQ(suppressNonMaxima(boxes, 0.33F, Overlap::kUnion).size(), 1U);
}

TEST(MtcnnBoxes, MinMeasuresAgainstTheSmallerBox) {
  const std::vector<MtcnnBox> boxes = {{1, 1, 100, 100, 0.9F, {}}, {10, 10, 19, 19, 0.8F, {}}};
  EXPECT_EQ(suppressNonMaxima(boxes, 0.7F, Overlap::kMin), (Indices{0}));
  EXPECT_EQ(suppressNonMaxima(boxes, 0.7F, Overlap::kUnion), (Indices{0, 1}));
}

TEST(MtcnnBoxes, OfEqualScoresTheLaterBoxIsTakenFirst) {
  const std::vector<MtcnnBox> boxes = {
      {1, 1, 10, 10, 1, {}}, {1, 2, 10, 11, 1, {}}, {40, 40, 50, 50, 1, {}}, {1, 3, 10, 12, 1, {}}};
  EXPECT_EQ(suppressNonMaxima(boxes, 0.5F, Overlap::kUnion), (Indices{3, 2}));
}

TEST(MtcnnBoxes, TouchingCornersShareOnePixel) {
  const std::vector<MtcnnBox> boxes = {{1, 1, 2, 2, 0.9F, {}}, {2, 2, 3, 3, 0.8F, {}}};
  EXPECT_EQ(suppressNonMaxima(boxes, 0.25F, Overlap::kMin).size(), 2U);
  EXPECT_EQ(suppressNonMaxima(boxes, 0.24F, Overlap::kMin).size(), 1U);
}

TEST(MtcnnBoxes, SuppressionOfNothingIsNothing) {
  EXPECT_TRUE(suppressNonMaxima({}, 0.5F, Overlap::kUnion).empty());
}

TEST(MtcnnBoxes, RegressionMeasuresTheBoxWithOrWithoutItsLastPixel) {
  const MtcnnBox box{11, 21, 20, 40, 1, {0.1F, -0.1F, 0.2F, 0.5F}};
  MtcnnBox first = box;
  applyRegression(first, false);  // 9 x 19
  EXPECT_FLOAT_EQ(first.x1, 11.9F);
  EXPECT_FLOAT_EQ(first.y1, 19.1F);
  EXPECT_FLOAT_EQ(first.x2, 21.8F);
  EXPECT_FLOAT_EQ(first.y2, 49.5F);
  MtcnnBox later = box;
  applyRegression(later, true);  // 10 x 20
  EXPECT_FLOAT_EQ(later.x1, 12.0F);
  EXPECT_FLOAT_EQ(later.y1, 19.0F);
  EXPECT_FLOAT_EQ(later.x2, 22.0F);
  EXPECT_FLOAT_EQ(later.y2, 50.0F);
}

TEST(MtcnnBoxes, SquaresGrowAboutTheCentre) {
  MtcnnBox wide{10, 20, 30, 26, 1, {}};
  makeSquare(wide);
  EXPECT_FLOAT_EQ(wide.x1, 10);
  EXPECT_FLOAT_EQ(wide.x2, 30);
  EXPECT_FLOAT_EQ(wide.y1, 13);
  EXPECT_FLOAT_EQ(wide.y2, 33);
  MtcnnBox high{-5, 1, 0, 10, 1, {}};
  makeSquare(high);
  EXPECT_FLOAT_EQ(high.x1, -7);
  EXPECT_FLOAT_EQ(high.x2, 2);
}

TEST(MtcnnBoxes, TruncationGoesTowardZero) {
  MtcnnBox box{-1.9F, 1.9F, 3.0F, 4.999F, 0.5F, {}};
  truncate(box);
  EXPECT_EQ(box.x1, -1);
  EXPECT_EQ(box.y1, 1);
  EXPECT_EQ(box.x2, 3);
  EXPECT_EQ(box.y2, 4);
  EXPECT_EQ(box.score, 0.5F);
}

TEST(MtcnnBoxes, PyramidEndsWhereTheImageIsSmallerThanACell) {
  const std::vector<double> scales = pyramidScales(250, 20, 0.85);
  ASSERT_EQ(scales.size(), 16U);  // 150 * 0.85^k >= 12 up to k = 15
  EXPECT_DOUBLE_EQ(scales[0], 0.6);
  EXPECT_NEAR(scales[1], 0.51, 1e-12);
  EXPECT_GE(250 * scales.back(), 12);
  EXPECT_LT(250 * scales.back() * 0.85, 12);
  EXPECT_EQ(pyramidScales(20, 20, 0.85).size(), 1U);
  EXPECT_TRUE(pyramidScales(19, 20, 0.85).empty());
}

}  // namespace
}  // namespace sphereface
