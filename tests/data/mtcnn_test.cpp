// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The detector with the published weights, on photographs of the LFW set.

#include "data/align/mtcnn.h"

#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/random.h"
#include "tests/support/shared_data.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = sharedData("mtcnn");
const fs::path kPhotographs = sharedData("lfw");

/// Some photographs, spread over the set.
std::vector<fs::path> somePhotographs(size_t count) {
  const std::vector<fs::path> all = listImages(kPhotographs).images;
  std::vector<fs::path> some;
  for (size_t i = 0; i < count; ++i)
    some.push_back(kPhotographs / all[i * all.size() / count]);
  return some;
}

/// The same network run by OpenCV, which is given the transposed input that the published code
/// uses. Returns the output layers' values as (channel, x, y) blobs.
std::vector<cv::Mat> openCvForward(const std::string& name, const FeatureMap& input,
                                   const std::vector<std::string>& outputs) {
  cv::dnn::Net net = cv::dnn::readNetFromCaffe((kModels / (name + ".prototxt")).string(),
                                               (kModels / (name + ".caffemodel")).string());
  const int sizes[] = {input.lanes(), 3, input.width(), input.height()};
  cv::Mat blob(4, sizes, CV_32F);
  for (int lane = 0; lane < input.lanes(); ++lane) {
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < input.height(); ++y) {
        for (int x = 0; x < input.width(); ++x) {
          const int index[] = {lane, c, x, y};
          blob.at<float>(index) = input.row(c, y)[x * input.lanes() + lane];
        }
      }
    }
  }
  net.setInput(blob);
  std::vector<cv::Mat> results;
  net.forward(results, outputs);
  return results;
}

FeatureMap randomInput(int height, int width, int lanes) {
  Random random(5, static_cast<uint64_t>(width), static_cast<uint64_t>(lanes));
  FeatureMap map;
  map.reshape(3, height, width, lanes);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width * lanes; ++x) {
        map.row(c, y)[x] = static_cast<float>(random.uniform(-1, 1));
      }
    }
  }
  return map;
}

TEST(Mtcnn, ProposalNetworkAgreesWithOpenCv) {
  SPHEREFACE_NEEDS(kModels);
  const MtcnnNetworks networks = loadMtcnn(kModels);
  for (const cv::Size size : {cv::Size(12, 12), cv::Size(13, 40), cv::Size(150, 97)}) {
    const FeatureMap input = randomInput(size.height, size.width, 1);
    const std::vector<cv::Mat> expected = openCvForward("det1", input, {"conv4-2", "prob1"});
    const FeatureMap& heads = forward(networks.proposal, input);
    ASSERT_EQ(heads.width(), expected[0].size[2]);
    ASSERT_EQ(heads.height(), expected[0].size[3]);
    for (int y = 0; y < heads.height(); ++y) {
      for (int x = 0; x < heads.width(); ++x) {
        const int face[] = {0, 1, x, y};
        ASSERT_NEAR(
            faceProbability(heads.row(kOutputBackground, y)[x], heads.row(kOutputFace, y)[x]),
            expected[1].at<float>(face), 1e-5);
        for (int i = 0; i < 4; ++i) {
          const int regression[] = {0, i, x, y};
          ASSERT_NEAR(heads.row(kOutputRegression + i, y)[x], expected[0].at<float>(regression),
                      1e-5);
        }
      }
    }
  }
}

void expectAgreement(const MtcnnNetwork& network, const std::string& name, int side, int lanes,
                     const std::vector<std::string>& outputs) {
  const FeatureMap input = randomInput(side, side, lanes);
  const std::vector<cv::Mat> expected = openCvForward(name, input, outputs);
  const FeatureMap& heads = forward(network, input);
  ASSERT_EQ(heads.width(), 1);
  ASSERT_EQ(heads.height(), 1);
  for (int lane = 0; lane < lanes; ++lane) {
    int channel = kOutputRegression;
    EXPECT_NEAR(
        faceProbability(heads.row(kOutputBackground, 0)[lane], heads.row(kOutputFace, 0)[lane]),
        expected.back().at<float>(lane, 1), 1e-5);
    for (size_t i = 0; i + 1 < expected.size(); ++i) {
      for (int k = 0; k < expected[i].size[1]; ++k, ++channel) {
        EXPECT_NEAR(heads.row(channel, 0)[lane], expected[i].at<float>(lane, k), 2e-5);
      }
    }
    EXPECT_EQ(channel, heads.channels());
  }
}

TEST(Mtcnn, RefinementAndOutputNetworksAgreeWithOpenCv) {
  SPHEREFACE_NEEDS(kModels);
  const MtcnnNetworks networks = loadMtcnn(kModels);
  for (const int lanes : {1, 5, 16}) {
    expectAgreement(networks.refinement, "det2", 24, lanes, {"conv5-2", "prob1"});
    expectAgreement(networks.output, "det3", 48, lanes, {"conv6-2", "conv6-3", "prob1"});
  }
}

TEST(Mtcnn, FindsTheFaceOfAPortrait) {
  SPHEREFACE_NEEDS(kModels);
  SPHEREFACE_NEEDS(kPhotographs);
  const MtcnnNetworks networks = loadMtcnn(kModels);
  for (const fs::path& path : somePhotographs(12)) {
    const cv::Mat image = readImage(path);
    const std::vector<Face> faces = detectFaces(networks, image);
    size_t central = 0;
    for (const Face& face : faces) {
      EXPECT_GT(face.score, 0.9);
      // Deep-funnelled faces are at the centre of 250x250.
      if (std::hypot((face.x1 + face.x2) / 2 - 125, (face.y1 + face.y2) / 2 - 125) > 30) continue;
      ++central;
      const auto& [left_eye, right_eye, nose, left_mouth, right_mouth] = face.points;
      EXPECT_LT(left_eye.x, right_eye.x) << path;
      EXPECT_LT(left_mouth.x, right_mouth.x) << path;
      EXPECT_LT(std::max(left_eye.y, right_eye.y), nose.y) << path;
      EXPECT_LT(nose.y, std::min(left_mouth.y, right_mouth.y)) << path;
      for (const cv::Point2d& point : face.points) {
        EXPECT_TRUE(point.x > face.x1 && point.x < face.x2 && point.y > face.y1 &&
                    point.y < face.y2)
            << path;
      }
    }
    EXPECT_EQ(central, 1U) << path;
  }
}

/// Would fail if rows and columns, or left and right, were mixed up anywhere.
TEST(Mtcnn, FindsTheMirroredPointsInTheMirroredPhotograph) {
  SPHEREFACE_NEEDS(kModels);
  SPHEREFACE_NEEDS(kPhotographs);
  const MtcnnNetworks networks = loadMtcnn(kModels);
  double sum = 0;
  int count = 0;
  for (const fs::path& path : somePhotographs(6)) {
    const cv::Mat image = readImage(path);
    cv::Mat mirrored;
    cv::flip(image, mirrored, 1);
    const std::vector<Face> faces = detectFaces(networks, image);
    const std::vector<Face> others = detectFaces(networks, mirrored);
    ASSERT_FALSE(faces.empty());
    for (const Face& face : faces) {
      for (const Face& other : others) {
        if (std::abs(image.cols - 1 - other.x1 - face.x2) > 20) continue;
        static constexpr int kPartner[] = {1, 0, 2, 4, 3};
        for (int k = 0; k < 5; ++k) {
          const cv::Point2d point = other.points[kPartner[k]];
          sum +=
              std::hypot(image.cols - 1 - point.x - face.points[k].x, point.y - face.points[k].y);
          ++count;
        }
      }
    }
  }
  ASSERT_GE(count, 6 * 5);
  EXPECT_LT(sum / count, 2.0);  // pixels
}

TEST(Mtcnn, ResultDoesNotDependOnWhatRanBefore) {
  SPHEREFACE_NEEDS(kModels);
  SPHEREFACE_NEEDS(kPhotographs);
  const MtcnnNetworks networks = loadMtcnn(kModels);
  const cv::Mat image = readImage(somePhotographs(1)[0]);
  const std::vector<Face> first = detectFaces(networks, image);
  detectFaces(networks, image(cv::Rect(3, 5, 77, 61)));
  const std::vector<Face> again = detectFaces(networks, image);
  ASSERT_EQ(first.size(), again.size());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].score, again[i].score);
    EXPECT_EQ(first[i].points, again[i].points);
  }
}

/// P-Net's strips are an arrangement of the work alone: a photograph large enough to be cut gives
/// the face that is in it.
TEST(Mtcnn, FindsAFaceAcrossTheStripsOfALargePhotograph) {
  SPHEREFACE_NEEDS(kModels);
  SPHEREFACE_NEEDS(kPhotographs);
  const MtcnnNetworks networks = loadMtcnn(kModels);
  const cv::Mat portrait = readImage(somePhotographs(1)[0]);
  const std::vector<Face> alone = detectFaces(networks, portrait);
  cv::Mat large(700, 900, CV_8UC3, cv::Scalar(90, 90, 90));
  const cv::Point corner(521, 333);
  portrait.copyTo(large(cv::Rect(corner, portrait.size())));
  const std::vector<Face> found = detectFaces(networks, large);
  ASSERT_FALSE(found.empty());
  for (int k = 0; k < 5; ++k) {
    EXPECT_NEAR(found[0].points[k].x - corner.x, alone[0].points[k].x, 3);
    EXPECT_NEAR(found[0].points[k].y - corner.y, alone[0].points[k].y, 3);
  }
}

TEST(Mtcnn, FindsNothingWhereNothingIs) {
  SPHEREFACE_NEEDS(kModels);
  const MtcnnNetworks networks = loadMtcnn(kModels);
  for (const cv::Size size :
       {cv::Size(1, 1), cv::Size(11, 300), cv::Size(20, 20), cv::Size(21, 64), cv::Size(300, 20)}) {
    EXPECT_TRUE(detectFaces(networks, cv::Mat(size, CV_8UC3, cv::Scalar(0, 0, 0))).empty());
    EXPECT_TRUE(detectFaces(networks, cv::Mat(size, CV_8UC3, cv::Scalar(255, 255, 255))).empty());
  }
  EXPECT_THROW(detectFaces(networks, cv::Mat(40, 40, CV_8UC1, cv::Scalar(0))), Error);
}

}  // namespace
}  // namespace sphereface
