// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/image_file.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include "base/image_planes.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

/// Wherever a file ends, that is an error, and the next file is decoded as if nothing had been.
TEST(ImageFile, ATruncatedJpegIsRefusedAndHarmsNoOther) {
  const std::string good = encodeJpeg(testImage(2, 30, 20), 90);
  const cv::Mat expected = decodeImage(good, "good");
  const std::string other = encodeJpeg(testImage(7), 80);
  std::vector<uint8_t> planes;
  // The two bytes of the end mark carry no picture.
  for (size_t size = 1; size + 2 < other.size(); ++size) {
    EXPECT_TRUE(contains(errorOf([&] { decodeImage(other.substr(0, size), "cut"); }), "cut: "))
        << size;
    EXPECT_NE(errorOf([&] { decodePlanes(other.substr(0, size), planes); }), "") << size;
    cv::Mat after;
    ASSERT_NO_THROW(after = decodeImage(good, "good")) << size;
    EXPECT_EQ(cv::norm(after, expected, cv::NORM_INF), 0) << size;
  }
}

/// OpenCV's JPEG, which halves the resolution of the colour.
std::string subsampledJpeg(const cv::Mat& image, bool progressive) {
  std::vector<uint8_t> bytes;
  cv::imencode(".jpg", image, bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, progressive ? 1 : 0});
  return {bytes.begin(), bytes.end()};
}

/// OpenCV passes over the y and takes 2.7 GB for the second file.
TEST(ImageFile, APnmFileHasTwoNumbersForItsSize) {
  const std::string pixels(2 * 3, 'x');
  const cv::Mat grey = decodeImage("P5 # a comment\n3\t2\n255\n" + pixels, "grey");
  EXPECT_EQ(grey.size(), cv::Size(3, 2));
  for (const char* header : {"P6\n899999y999\n255\n", "P5 3 2", "P5 3", "P5 -3 2 255\n", "P5\n"})
    EXPECT_THROW(decodeImage(header + pixels, "bad"), Error) << header;
}

TEST(ImageFile, PlanesAreTheDecodedImages) {
  cv::Mat grey;
  std::vector<uint8_t> planes;
  for (const cv::Size size :
       {cv::Size(96, 112), cv::Size(7, 5), cv::Size(17, 33), cv::Size(1, 1)}) {
    cv::Mat image = testImage(3, size.height, size.width);
    cv::randu(image, 0, 256);
    cv::extractChannel(image, grey, 1);
    for (const std::string& file :
         {encodeJpeg(image, 95), encodeJpeg(image, 20), encodePng(image), encodePng(grey),
          subsampledJpeg(image, false), subsampledJpeg(image, true), subsampledJpeg(grey, false)}) {
      const cv::Mat expected = decodeImage(file, "file");
      EXPECT_EQ(decodePlanes(file, planes), size);
      EXPECT_EQ(
          cv::norm(interleave(planes.data(), size.height, size.width), expected, cv::NORM_INF), 0);
    }
  }
}

}  // namespace
}  // namespace sphereface
