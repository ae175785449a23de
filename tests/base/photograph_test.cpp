// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Photographs as cameras and print shops write them: turned, in four inks, without an end mark.

#include <gtest/gtest.h>

#include <cstdio>
#include <opencv2/imgcodecs.hpp>

#include "base/exif_orientation.h"
#include "base/image_file.h"
#include "tests/support/packing_test_tools.h"
#include "tests/support/python.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

// -- Exif -----------------------------------------------------------------------------------------

/// Smooth, so that JPEG keeps it, and equal to no other turn of itself.
cv::Mat lopsided(int height = 24, int width = 40) {
  cv::Mat image(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x)
      image.at<cv::Vec3b>(y, x) =
          cv::Vec3b(static_cast<uchar>(5 * x), static_cast<uchar>(9 * y), 60);
  }
  return image;
}

std::string number(uint32_t value, int bytes, bool big_endian) {
  std::string text;
  for (int i = 0; i < bytes; ++i)
    text += static_cast<char>(value >> 8 * (big_endian ? bytes - 1 - i : i));
  return text;
}

/// Exif's payload: a TIFF header, and tags of which the second is the orientation.
std::string exif(uint32_t orientation, bool big, uint32_t type = 3) {
  const auto n = [big](uint32_t value, int bytes) { return number(value, bytes, big); };
  std::string value = n(orientation, type == 1 ? 1 : type == 3 ? 2 : 4);
  value.resize(4, '\0');
  return (big ? std::string("MM\0*", 4) : std::string("II*\0", 4)) + n(8, 4) + n(2, 2) +
         n(0x0100, 2) + n(4, 2) + n(1, 4) + n(77, 4) +  // a width
         n(0x0112, 2) + n(type, 2) + n(1, 4) + value + n(0, 4);
}

/// Beside a segment of Adobe's with the same marker, before or behind it.
std::string withExif(std::string jpeg, const std::string& payload, bool first = true) {
  const std::string mark("Exif\0\0", 6);
  const std::string xmp = "http://ns.adobe.com/xap/1.0/";
  const auto segment = [](const std::string& bytes) {
    return "\xff\xe1" + number(static_cast<uint32_t>(bytes.size() + 2), 2, true) + bytes;
  };
  const std::string exif_segment = segment(mark + payload);
  return jpeg.insert(2, first ? exif_segment + segment(xmp) : segment(xmp) + exif_segment);
}

/// What a viewer shows at (y, x) of a picture stored as `stored`, by the table of TIFF 6.0: where
/// the 0th row and the 0th column of the file are.
cv::Mat shown(const cv::Mat& stored, int orientation) {
  const bool exchanged = orientation >= 5;
  const int height = exchanged ? stored.cols : stored.rows;
  const int width = exchanged ? stored.rows : stored.cols;
  cv::Mat picture(height, width, CV_8UC3);
  for (int row = 0; row < stored.rows; ++row) {
    for (int column = 0; column < stored.cols; ++column) {
      int y = 0;
      int x = 0;
      const int last_row = stored.rows - 1 - row;
      const int last_column = stored.cols - 1 - column;
      switch (orientation) {
        case 1:
          y = row;
          x = column;
          break;  // top, left
        case 2:
          y = row;
          x = last_column;
          break;  // top, right
        case 3:
          y = last_row;
          x = last_column;
          break;  // bottom, right
        case 4:
          y = last_row;
          x = column;
          break;  // bottom, left
        case 5:
          x = row;
          y = column;
          break;  // left, top
        case 6:
          x = last_row;
          y = column;
          break;  // right, top
        case 7:
          x = last_row;
          y = last_column;
          break;  // right, bottom
        default:
          x = row;
          y = last_column;
          break;  // left, bottom
      }
      picture.at<cv::Vec3b>(y, x) = stored.at<cv::Vec3b>(row, column);
    }
  }
  return picture;
}

class Photograph : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
};

/// Against the specification's table and against OpenCV's own reader.
TEST_F(Photograph, IsTurnedAsItsExifSays) {
  const std::string jpeg = encodeJpeg(lopsided(), 95);
  const cv::Mat stored = decodeImage(jpeg, "jpeg");
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big : {false, true}) {
      const auto value = static_cast<uint32_t>(orientation);
      const fs::path file = folder_ / "x.jpg";
      writeBytes(file, withExif(jpeg, exif(value, big)));
      const cv::Mat picture = readPhotograph(file);
      const cv::Mat expected = shown(stored, orientation);
      ASSERT_EQ(picture.size(), expected.size()) << orientation;
      EXPECT_EQ(cv::norm(picture, expected, cv::NORM_INF), 0) << orientation;
      const cv::Mat by_opencv = cv::imread(file.string(), cv::IMREAD_COLOR);
      ASSERT_EQ(by_opencv.size(), expected.size()) << orientation;
      EXPECT_LE(cv::norm(by_opencv, expected, cv::NORM_INF), 1) << orientation;
      EXPECT_EQ(exifOrientation(withExif(jpeg, exif(value, big), false)), orientation);
      // What is aligned already is taken as it is stored.
      EXPECT_EQ(cv::norm(readImage(file), stored, cv::NORM_INF), 0) << orientation;
    }
  }
}

TEST_F(Photograph, OfPngWebpAndTiffIsTurnedToo) {
  const cv::Mat image = lopsided();
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string payload = exif(static_cast<uint32_t>(orientation), true);
    constexpr size_t kBehindTheHeader = 33;
    const std::string chunk = number(static_cast<uint32_t>(payload.size()), 4, true) + "eXIf" +
                              payload + std::string(4, '\0');
    EXPECT_EQ(exifOrientation(encodePng(image).insert(kBehindTheHeader, chunk)), orientation);
    for (const bool marked : {false, true}) {
      const std::string exif_bytes = (marked ? std::string("Exif\0\0", 6) : "") + payload;
      std::string webp = "RIFF1234WEBPVP8X" + number(10, 4, false) + std::string(10, '\0') +
                         "ODD " + number(3, 4, false) + "abc" + std::string(1, '\0') + "EXIF" +
                         number(static_cast<uint32_t>(exif_bytes.size()), 4, false) + exif_bytes;
      EXPECT_EQ(exifOrientation(webp), orientation);
    }
    // Pixels in one strip, as the simplest TIFF file has them.
    const auto entry = [](uint32_t tag, uint32_t type, uint32_t value) {
      return number(tag, 2, false) + number(type, 2, false) + number(1, 4, false) +
             number(value, 4, false);
    };
    const auto grey_size = static_cast<uint32_t>(image.total());
    cv::Mat grey;
    cv::extractChannel(image, grey, 0);
    const std::string tiff = std::string("II*\0", 4) + number(8 + grey_size, 4, false) +
                             std::string(reinterpret_cast<const char*>(grey.data), grey_size) +
                             number(9, 2, false) + entry(256, 3, 40) + entry(257, 3, 24) +
                             entry(258, 3, 8) + entry(259, 3, 1) + entry(262, 3, 1) +
                             entry(273, 4, 8) + entry(274, 3, static_cast<uint32_t>(orientation)) +
                             entry(278, 3, 24) + entry(279, 4, grey_size) + number(0, 4, false);
    writeBytes(folder_ / "x.tif", tiff);
    cv::Mat colours;
    cv::merge(std::vector<cv::Mat>(3, grey), colours);
    const cv::Mat expected = shown(colours, orientation);
    const cv::Mat picture = readPhotograph(folder_ / "x.tif");
    ASSERT_EQ(picture.size(), expected.size()) << orientation;
    EXPECT_EQ(cv::norm(picture, expected, cv::NORM_INF), 0) << orientation;
  }
}

TEST_F(Photograph, OfDamagedOrStrangeExifStaysAsItIs) {
  const std::string jpeg = encodeJpeg(lopsided(), 95);
  const std::string good = exif(6, false);
  EXPECT_EQ(exifOrientation(withExif(jpeg, exif(6, true, 4))), 6);  // a long
  EXPECT_EQ(exifOrientation(withExif(jpeg, exif(6, true, 1))), 6);  // a byte
  for (const std::string& payload :
       {exif(0, false), exif(9, false), exif(65535, true), exif(6, false, 2), std::string(),
        std::string("II*"), good.substr(0, 12), good.substr(0, good.size() - 10),
        std::string("II*\0\xff\xff\xff\xff", 8), std::string(40, '\xff')}) {
    EXPECT_EQ(exifOrientation(withExif(jpeg, payload)), 1);
  }
  const std::string whole = withExif(jpeg, good);
  EXPECT_EQ(exifOrientation(whole), 6);
  for (size_t size = 0; size < 120; ++size) {
    const int orientation = exifOrientation(whole.substr(0, size));
    EXPECT_TRUE(orientation == 1 || orientation == 6) << size;
  }
}

// -- JPEG -----------------------------------------------------------------------------------------

std::string opencvJpeg(const cv::Mat& image, bool progressive, int restart_interval = 0) {
  std::vector<uint8_t> bytes;
  cv::imencode(".jpg", image, bytes,
               {cv::IMWRITE_JPEG_PROGRESSIVE, progressive ? 1 : 0, cv::IMWRITE_JPEG_RST_INTERVAL,
                restart_interval});
  return {bytes.begin(), bytes.end()};
}

/// All of its pixels, or an error: nothing in between, wherever it ends.
TEST(JpegFile, MayLackItsEndMarkAndNothingElse) {
  cv::Mat noise(37, 45, CV_8UC3);
  cv::theRNG().state = 3;
  cv::randu(noise, 0, 256);
  cv::Mat grey;
  cv::extractChannel(noise, grey, 1);
  std::vector<uint8_t> planes;
  for (const std::string& file :
       {encodeJpeg(noise, 90), encodeJpeg(testImage(3, 30, 20), 60), opencvJpeg(noise, false),
        opencvJpeg(noise, true), opencvJpeg(grey, false), opencvJpeg(grey, true),
        opencvJpeg(noise, false, 1), opencvJpeg(noise, true, 2)}) {
    ASSERT_TRUE(file.ends_with("\xff\xd9"));
    const cv::Mat whole = decodeImage(file, "whole");
    std::vector<uint8_t> whole_planes;
    decodePlanes(file, whole_planes);
    for (const size_t lacking : {1, 2}) {
      const std::string cut = file.substr(0, file.size() - lacking);
      EXPECT_EQ(cv::norm(decodeImage(cut, "cut"), whole, cv::NORM_INF), 0);
      decodePlanes(cut, planes);
      EXPECT_EQ(planes, whole_planes);
    }
    for (size_t lacking = 3; lacking < file.size(); ++lacking) {
      const std::string cut = file.substr(0, file.size() - lacking);
      EXPECT_NE(errorOf([&] { decodeImage(cut, "cut"); }), "") << lacking << " of " << file.size();
    }
  }
}

/// Written, and read to compare with, by Pillow: CMYK, and YCCK by its Adobe mark, which Pillow
/// doesn't write.
constexpr const char* kFourInks = R"(
import sys
from PIL import Image
folder = sys.argv[1]
image = Image.new("CMYK", (50, 34))
image.putdata([((7 * i) % 256, (i * i) % 256, (i * 31) % 256, (i * 3) % 256) for i in range(50 * 34)])
def save(name, **how):
    image.save(folder + "/" + name + ".jpg", **how)
save("plain", quality=95)
save("poor", quality=30)
save("progressive", quality=90, progressive=True)
save("whole_inks", quality=90, subsampling=0)
for name in ("plain", "poor", "progressive", "whole_inks"):
    bytes = open(folder + "/" + name + ".jpg", "rb").read()
    at = bytes.find(b"Adobe") + 11
    open(folder + "/" + name + "_ycck.jpg", "wb").write(bytes[:at] + b"\x02" + bytes[at + 1:])
    begin = at - 15  # the segment's marker
    open(folder + "/" + name + "_unmarked.jpg", "wb").write(bytes[:begin] + bytes[at + 1:])
    for kind in ("", "_ycck", "_unmarked"):
        read = Image.open(folder + "/" + name + kind + ".jpg").convert("RGB")
        read.save(folder + "/" + name + kind + ".png")
)";

TEST_F(Photograph, InFourInksIsWhatPillowMakesOfIt) {
  if (!pythonHas("PIL")) GTEST_SKIP() << "SPHEREFACE_PYTHON has no Pillow";
  EXPECT_EQ(runPython(folder_, kFourInks, folder_.path().string()), "");
  std::vector<uint8_t> planes;
  for (const char* name : {"plain", "poor", "progressive", "whole_inks"}) {
    for (const char* kind : {"", "_ycck", "_unmarked"}) {
      SCOPED_TRACE(concat(name, kind));
      const fs::path file = folder_ / concat(name, kind, ".jpg");
      const cv::Mat expected = readImage(fs::path(file).replace_extension(".png"));
      EXPECT_EQ(cv::norm(readImage(file), expected, cv::NORM_INF), 0);
      // OpenCV doesn't round.
      EXPECT_LE(cv::norm(cv::imread(file.string()), expected, cv::NORM_INF), 2);
      const std::string bytes = readFile(file);
      for (const size_t lacking : {0, 2}) {
        decodePlanes(bytes.substr(0, bytes.size() - lacking), planes);
        cv::Mat channel(expected.size(), CV_8UC1);
        for (int c = 0; c < 3; ++c) {
          cv::extractChannel(expected, channel, c);
          EXPECT_TRUE(std::equal(channel.begin<uint8_t>(), channel.end<uint8_t>(),
                                 planes.begin() + c * static_cast<ptrdiff_t>(expected.total())));
        }
      }
    }
  }
}

}  // namespace
}  // namespace sphereface
