// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/face_alignment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/random.h"

namespace sphereface {
namespace {

cv::Mat randomImage(int height, int width) {
  Random random(11);
  cv::Mat image(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width * 3; ++x)
      image.ptr(y)[x] = static_cast<uchar>(random.below(256));
  }
  return image;
}

Face faceAt(double x1, double y1, double x2, double y2) {
  Face face;
  face.x1 = x1;
  face.y1 = y1;
  face.x2 = x2;
  face.y2 = y2;
  return face;
}

TEST(FaceAlignment, ChoosesTheCentralOrTheLargestFace) {
  const std::vector<Face> faces = {faceAt(0, 0, 60, 60), faceAt(80, 90, 120, 115),
                                   faceAt(10, 100, 30, 120)};
  EXPECT_EQ(chooseFace(faces, {200, 200}, FaceChoice::kCentral), 1U);
  EXPECT_EQ(chooseFace(faces, {200, 200}, FaceChoice::kLargest), 0U);
  const std::vector<Face> same = {faceAt(10, 10, 20, 20), faceAt(10, 10, 20, 20)};
  EXPECT_EQ(chooseFace(same, {40, 40}, FaceChoice::kCentral), 0U);
  EXPECT_EQ(chooseFace(same, {40, 40}, FaceChoice::kLargest), 0U);
}

/// Matlab's rule: the box's centre, counted from 1, against half the size.
TEST(FaceAlignment, TheCentreIsTheOneOfThePublishedRule) {
  // Centres, from 1: 4 and 7; half the width: 5.4 would be nearer to 4, 5.6 nearer to 7.
  const std::vector<Face> faces = {faceAt(2, 2, 4, 4), faceAt(5, 2, 7, 4)};
  EXPECT_EQ(chooseFace(faces, {10, 8}, FaceChoice::kCentral), 0U);
  EXPECT_EQ(chooseFace(faces, {12, 8}, FaceChoice::kCentral), 1U);
}

TEST(FaceAlignment, PointsOnTheTemplateChangeNothing) {
  const cv::Mat image = randomImage(kAlignedHeight + 20, kAlignedWidth + 30);
  const cv::Mat aligned = alignFace(image, alignmentTemplate());
  ASSERT_EQ(aligned.size(), cv::Size(96, 112));
  EXPECT_EQ(cv::norm(aligned, image(cv::Rect(0, 0, 96, 112)), cv::NORM_INF), 0);
}

TEST(FaceAlignment, WholeShiftsAreExactAndTheOutsideIsBlack) {
  const cv::Mat image = randomImage(100, 90);
  FivePoints points = alignmentTemplate();
  for (cv::Point2d& point : points)
    point += cv::Point2d(-7, 20);
  const cv::Mat aligned = alignFace(image, points);
  EXPECT_EQ(cv::norm(aligned(cv::Rect(7, 0, 89, 80)), image(cv::Rect(0, 20, 89, 80)), cv::NORM_INF),
            0);
  EXPECT_EQ(cv::norm(aligned(cv::Rect(0, 0, 7, 112)), cv::NORM_INF), 0);
  EXPECT_EQ(cv::norm(aligned(cv::Rect(0, 80, 96, 32)), cv::NORM_INF), 0);
}

/// OpenCV rounds the sampling positions to 1/32 pixel, so smooth pictures differ a little.
TEST(FaceAlignment, RotatedAndScaledFacesAgreeWithOpenCv) {
  cv::Mat image;
  cv::GaussianBlur(randomImage(250, 250), image, {}, 4);
  for (const double angle : {0.0, 0.3, -1.2, 3.0}) {
    const double scale = 0.6 + std::abs(angle);
    const cv::Matx23d to_source(scale * std::cos(angle), -scale * std::sin(angle), 120,
                                scale * std::sin(angle), scale * std::cos(angle), 60);
    FivePoints points;
    const FivePoints target = alignmentTemplate();
    for (size_t k = 0; k < 5; ++k) {
      const cv::Vec2d mapped = to_source * cv::Vec3d(target[k].x, target[k].y, 1);
      points[k] = {mapped[0], mapped[1]};
    }
    cv::Mat expected;
    cv::warpAffine(image, expected, to_source, {96, 112}, cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                   cv::BORDER_CONSTANT, cv::Scalar(0, 0, 0));
    const cv::Mat aligned = alignFace(image, points);
    EXPECT_LE(cv::norm(aligned, expected, cv::NORM_INF), 5) << angle;
    EXPECT_LE(cv::norm(aligned, expected, cv::NORM_L1) / (96 * 112 * 3), 0.5) << angle;
  }
}

TEST(FaceAlignment, BorderPixelsBlendWithBlack) {
  const cv::Mat image(1, 1, CV_8UC3, cv::Scalar(200, 100, 40));
  const cv::Mat warped = warpBilinear(image, {1, 0, -0.5, 0, 1, 0}, 1, 3);
  EXPECT_EQ(warped.at<cv::Vec3b>(0, 0), cv::Vec3b(100, 50, 20));
  EXPECT_EQ(warped.at<cv::Vec3b>(0, 1), cv::Vec3b(100, 50, 20));
  EXPECT_EQ(warped.at<cv::Vec3b>(0, 2), cv::Vec3b(0, 0, 0));
}

TEST(FaceAlignment, RefusesPointsWithoutExtent) {
  const cv::Mat image = randomImage(20, 20);
  FivePoints points;
  points.fill({3, 4});
  EXPECT_THROW(alignFace(image, points), Error);
  points[0].x = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(alignFace(image, points), Error);
}

}  // namespace
}  // namespace sphereface
