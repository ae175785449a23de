// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/image_file.h"

#include <gtest/gtest.h>

#include "tests/packing_test_tools.h"

namespace sphereface {
namespace {

/// Wherever a file ends, that is an error, and the next file is decoded as if nothing had been.
TEST(ImageFile, ATruncatedJpegIsRefusedAndHarmsNoOther) {
  const std::string good = encodeJpeg(testImage(2, 30, 20), 90);
  const cv::Mat expected = decodeImage(good, "good");
  const std::string other = encodeJpeg(testImage(7), 80);
  // The two bytes of the end mark carry no picture.
  for (size_t size = 1; size + 2 < other.size(); ++size) {
    EXPECT_TRUE(contains(errorOf([&] { decodeImage(other.substr(0, size), "cut"); }), "cut: "))
        << size;
    cv::Mat after;
    ASSERT_NO_THROW(after = decodeImage(good, "good")) << size;
    EXPECT_EQ(cv::norm(after, expected, cv::NORM_INF), 0) << size;
  }
}

}  // namespace
}  // namespace sphereface
