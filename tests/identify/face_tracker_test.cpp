// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/face_tracker.h"

#include <gtest/gtest.h>

#include "identify/identify.h"

namespace sphereface {
namespace {

using Tracks = std::vector<size_t>;

const std::vector<float> kAnna = {1, 0};
const std::vector<float> kBerta = {0, 1};

FoundFace faceAt(double x, double y, double side = 40) {
  FoundFace found;
  found.face.x1 = x;
  found.face.y1 = y;
  found.face.x2 = x + side - 1;
  found.face.y2 = y + side - 1;
  found.aligned = cv::Mat(kAlignedHeight, kAlignedWidth, CV_8UC3, cv::Scalar::all(side));
  return found;
}

std::vector<float> both(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> joined = a;
  joined.insert(joined.end(), b.begin(), b.end());
  return joined;
}

TEST(FaceTracker, FollowsTwoPeopleWhateverTheirOrder) {
  FaceTracker tracker(0.5, 3);
  for (int frame = 0; frame < 10; ++frame) {
    const FoundFace anna = faceAt(100 + 5 * frame, 50);
    const FoundFace berta = faceAt(300 - 5 * frame, 50);
    const bool is_swapped = frame % 2 == 1;
    const std::vector<FoundFace> faces =
        is_swapped ? std::vector{berta, anna} : std::vector{anna, berta};
    EXPECT_EQ(tracker.add(faces, is_swapped ? both(kBerta, kAnna) : both(kAnna, kBerta)),
              is_swapped ? Tracks({1, 0}) : Tracks({0, 1}));
  }
  ASSERT_EQ(tracker.tracks().size(), 2U);
  EXPECT_EQ(tracker.tracks()[0].faces, 10U);
  EXPECT_EQ(tracker.tracks()[0].last_frame, 9U);
  EXPECT_EQ(tracker.tracks()[0].feature, (std::vector<float>{10, 0}));
}

TEST(FaceTracker, BridgesAGapButNoLongerOne) {
  for (const size_t missing : {2, 3}) {
    FaceTracker tracker(0.5, 3);
    tracker.add(std::vector{faceAt(0, 0)}, kAnna);
    for (size_t i = 0; i < missing; ++i)
      tracker.add({}, {});
    const Tracks expected = {missing == 2 ? 0U : 1U};
    EXPECT_EQ(tracker.add(std::vector{faceAt(3, 3)}, kAnna), expected);
  }
}

TEST(FaceTracker, ACutToAnotherPersonAtTheSamePlaceBeginsATrack) {
  FaceTracker tracker(0.5, 3);
  EXPECT_EQ(tracker.add(std::vector{faceAt(0, 0)}, kAnna), Tracks({0}));
  EXPECT_EQ(tracker.add(std::vector{faceAt(0, 0)}, kBerta), Tracks({1}));
}

TEST(FaceTracker, BoxesThatOverlapLittleAreTwoPeople) {
  FaceTracker tracker(0.5, 3);
  tracker.add(std::vector{faceAt(0, 0)}, kAnna);
  // Intersection / union is (40 - d) / (40 + d): 0.31 and 0.29.
  EXPECT_EQ(tracker.add(std::vector{faceAt(21, 0)}, kAnna), Tracks({0}));
  EXPECT_EQ(tracker.add(std::vector{faceAt(43, 0)}, kAnna), Tracks({1}));
}

TEST(FaceTracker, ATrackTakesTheFaceThatOverlapsMost) {
  FaceTracker tracker(0.5, 3);
  tracker.add(std::vector{faceAt(0, 0)}, kAnna);
  const std::vector<FoundFace> faces = {faceAt(15, 0), faceAt(5, 0)};
  EXPECT_EQ(tracker.add(faces, both(kAnna, kAnna)), Tracks({1, 0}));
}

TEST(FaceTracker, WithoutAGapEveryFaceIsATrack) {
  FaceTracker tracker(-1, 0);
  EXPECT_EQ(tracker.add(std::vector{faceAt(0, 0), faceAt(0, 0)}, both(kAnna, kAnna)),
            Tracks({0, 1}));
  EXPECT_EQ(tracker.add(std::vector{faceAt(0, 0)}, kAnna), Tracks({2}));
}

TEST(FaceTracker, KeepsThePortraitOfTheLargestFace) {
  FaceTracker tracker(0.5, 3);
  std::string largest;
  for (const double side : {40, 48, 44}) {
    tracker.add(std::vector{faceAt(0, 0, side)}, kAnna);
    if (side == 48) largest = tracker.tracks()[0].portrait;
  }
  EXPECT_EQ(tracker.tracks().size(), 1U);
  EXPECT_EQ(tracker.tracks()[0].portrait, largest);
}

TEST(NamingRule, ThresholdAndMargin) {
  const Match alone{0, 0.5, {}, 0};
  const Match close{0, 0.5, 1, 0.45};
  EXPECT_TRUE(isKnown({0.5, 0}, alone));
  EXPECT_FALSE(isKnown({0.51, 0}, alone));
  EXPECT_TRUE(isKnown({0.5, 0.2}, alone));
  EXPECT_TRUE(isKnown({0.5, 0.04}, close));
  EXPECT_FALSE(isKnown({0.5, 0.06}, close));
}

}  // namespace
}  // namespace sphereface
