// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/exif_orientation.h"
#include "base/image_file.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

std::vector<std::string> seeds() {
  cv::Mat image(6, 7, CV_8UC3, cv::Scalar(10, 200, 90));
  image.at<cv::Vec3b>(2, 3) = cv::Vec3b(255, 0, 128);
  return {encodeJpeg(image, 80),
          encodePng(image),
          encodeImage(image, "x.bmp", 90),
          encodeImage(image, "x.ppm", 90),
          encodeImage(image, "x.webp", 90),
          encodeImage(image, "x.tif", 90)};
}

void fuzzOne(std::string_view bytes) {
  std::vector<uint8_t> planes;
  decodePlanes(bytes, planes);
  turnedUpright(decodeImage(bytes, "x"), exifOrientation(bytes));
}

}  // namespace sphereface::fuzz
