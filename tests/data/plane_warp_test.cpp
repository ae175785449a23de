// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/plane_warp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "base/image_planes.h"
#include "base/random.h"

namespace sphereface {
namespace {

cv::Mat warped(PlaneWarp& warp, const cv::Mat& image, const cv::Matx23d& to_source) {
  std::vector<uint8_t> from(3 * image.total());
  std::vector<uint8_t> to(from.size());
  copyPlanes(image, from.data());
  warp.apply(from.data(), image.size(), to_source, to.data());
  return interleave(to.data(), image.rows, image.cols);
}

/// In double precision, at positions that aren't rounded.
double bilinear(const cv::Mat& image, int channel, double x, double y) {
  x = std::clamp(x, 0.0, image.cols - 1.0);
  y = std::clamp(y, 0.0, image.rows - 1.0);
  const int left = static_cast<int>(x);
  const int top = static_cast<int>(y);
  auto at = [&](int dx, int dy) {
    return static_cast<double>(image.at<cv::Vec3b>(std::min(top + dy, image.rows - 1),
                                                   std::min(left + dx, image.cols - 1))[channel]);
  };
  const double u = x - left;
  const double v = y - top;
  return (1 - v) * ((1 - u) * at(0, 0) + u * at(1, 0)) + v * ((1 - u) * at(0, 1) + u * at(1, 1));
}

TEST(PlaneWarp, IsBilinearInterpolationAndOpenCvs) {
  PlaneWarp warp;
  Random random(1);
  for (const cv::Size size :
       {cv::Size(96, 112), cv::Size(31, 17), cv::Size(3, 1), cv::Size(1, 1)}) {
    cv::Mat image(size, CV_8UC3);
    for (size_t i = 0; i < 3 * image.total(); ++i)
      image.data[i] = static_cast<uint8_t>(random.below(256));
    for (int i = 0; i < 20; ++i) {
      const double angle = 0.2 * random.normal();
      const double scale = std::exp(0.1 * random.normal());
      const double sign = i % 2 == 0 ? 1 : -1;
      const cv::Matx23d m(sign * scale * std::cos(angle), -std::sin(angle),
                          (sign < 0 ? size.width - 1 : 0) + 3 * random.normal(),
                          sign * std::sin(angle), scale * std::cos(angle), 3 * random.normal());
      const cv::Mat result = warped(warp, image, m);
      for (int y = 0; y < size.height; ++y) {
        for (int x = 0; x < size.width; ++x) {
          for (int c = 0; c < 3; ++c) {
            const double exact = bilinear(image, c, m(0, 0) * x + m(0, 1) * y + m(0, 2),
                                          m(1, 0) * x + m(1, 1) * y + m(1, 2));
            // 1/512 pixel each way between neighbours 255 apart, weights of 1/512, and rounding.
            ASSERT_NEAR(result.at<cv::Vec3b>(y, x)[c], exact, 3);
          }
        }
      }
      cv::Mat opencv;
      cv::warpAffine(image, opencv, m, size, cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                     cv::BORDER_REPLICATE);
      EXPECT_LE(cv::norm(result, opencv, cv::NORM_L1) / static_cast<double>(3 * image.total()), 2);
    }
  }
}

TEST(PlaneWarp, ByWholePixelsIsExact) {
  PlaneWarp warp;
  cv::Mat image(20, 30, CV_8UC3);
  cv::randu(image, 0, 256);
  EXPECT_EQ(cv::norm(warped(warp, image, {1, 0, 0, 0, 1, 0}), image, cv::NORM_INF), 0);
  const cv::Mat moved = warped(warp, image, {1, 0, 2, 0, 1, -3});
  EXPECT_EQ(cv::norm(moved(cv::Rect(0, 3, 28, 17)), image(cv::Rect(2, 0, 28, 17)), cv::NORM_INF),
            0);
  EXPECT_EQ(cv::norm(moved.row(0), moved.row(2), cv::NORM_INF), 0) << "the border is repeated";
}

}  // namespace
}  // namespace sphereface
