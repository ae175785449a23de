// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/image_file.h"

#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <memory>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_planes.h"
#include "base/opencv_images.h"
#include "base/target_clones.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// A libjpeg-turbo decompressor or compressor of this thread; making one is costly.
struct Handle {
  explicit Handle(tjhandle made) : value(made) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (value != nullptr) tjDestroy(value);
  }
  tjhandle value;
};

bool isJpeg(std::string_view bytes) {
  return bytes.size() > 3 && bytes.substr(0, 3) == "\xff\xd8\xff";
}

/// Photographs have fewer. A header that tells of more is damaged, or made to exhaust memory.
constexpr uint64_t kMostPixels = uint64_t{1} << 27;

void requireSize(uint64_t width, uint64_t height) {
  if (width > kMostPixels || height > kMostPixels || width * height > kMostPixels) {
    throw Error(concat("an image of ", width, "x", height, " pixels; at most ", kMostPixels,
                       " pixels are decoded"));
  }
}

uint32_t byteAt(std::string_view bytes, size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

/// The two numbers after a PNM file's magic; words that are none, and comments, end the look.
void requirePnmSize(std::string_view bytes) {
  std::array<uint64_t, 2> size{};
  const char* at = bytes.data() + 2;
  const char* const end = bytes.data() + std::min<size_t>(bytes.size(), 4096);
  for (uint64_t& number : size) {
    while (at < end && (std::isspace(static_cast<unsigned char>(*at)) != 0 || *at == '#')) {
      if (*at++ != '#') continue;
      at = std::find(at, end, '\n');
    }
    at = std::from_chars(at, end, number).ptr;
  }
  requireSize(size[0], size[1]);
}

/// The formats that are taken for photographs, by their first bytes and within kMostPixels: OpenCV
/// reads more, and takes memory for whatever a header says.
void requirePhotograph(std::string_view bytes) {
  const bool png = bytes.starts_with("\x89PNG\r\n\x1a\n") && bytes.size() >= 24;
  const bool bmp = bytes.starts_with("BM") && bytes.size() >= 26;
  const bool webp = bytes.starts_with("RIFF") && bytes.size() >= 16 && bytes.substr(8, 4) == "WEBP";
  const bool pnm = bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6';
  if (!png && !bmp && !webp && !pnm) throw Error("not an image that can be decoded");
  if (bytes.size() > INT32_MAX) throw Error("an image file of more than 2 GiB");
  if (png) {
    const auto number = [&](size_t at) {
      return byteAt(bytes, at) << 24 | byteAt(bytes, at + 1) << 16 | byteAt(bytes, at + 2) << 8 |
             byteAt(bytes, at + 3);
    };
    requireSize(number(16), number(20));
  } else if (bmp) {
    const auto number = [&](size_t at) {
      const uint32_t value = byteAt(bytes, at) | byteAt(bytes, at + 1) << 8 |
                             byteAt(bytes, at + 2) << 16 | byteAt(bytes, at + 3) << 24;
      return std::min(value, ~value + 1);  // a height is negative in files from top to bottom
    };
    // OS/2's header has its numbers in 16 bits.
    if (number(14) == 12) {
      requireSize(number(18) & 0xffffU, number(18) >> 16);
    } else {
      requireSize(number(18), number(22));
    }
  } else if (pnm) {
    requirePnmSize(bytes);
  }
}

/// One JPEG file in this thread's decompressor.
class JpegReader {
 public:
  explicit JpegReader(std::string_view bytes)
      : data_(reinterpret_cast<const unsigned char*>(bytes.data())), bytes_(bytes.size()) {
    if (!decoder()) decoder() = std::make_unique<Handle>(tjInitDecompress());
    int subsampling = 0;
    int colour = 0;
    if (tjDecompressHeader3(handle(), data_, bytes_, &width, &height, &subsampling, &colour) != 0) {
      fail(tjGetErrorStr2(handle()));
    }
    full_colour = subsampling == TJSAMP_444 && colour == TJCS_YCbCr;
    // A file of tables only passes for one with a header.
    if (width < 1 || height < 1) fail("the JPEG file ends before its picture");
    requireSize(static_cast<uint64_t>(width), static_cast<uint64_t>(height));
  }

  void readBgr(cv::Mat& image) const {
    image.create(height, width, CV_8UC3);
    check(tjDecompress2(handle(), data_, bytes_, image.data, width, static_cast<int>(image.step),
                        height, TJPF_BGR, TJFLAG_LIMITSCANS));
  }

  /// Y, Cb and Cr. requires: full_colour.
  void readPlanes(uint8_t* planes) const {
    const size_t area = static_cast<size_t>(height) * static_cast<size_t>(width);
    std::array<unsigned char*, 3> targets = {planes, planes + area, planes + 2 * area};
    std::array<int, 3> strides = {width, width, width};
    check(tjDecompressToYUVPlanes(handle(), data_, bytes_, targets.data(), width, strides.data(),
                                  height, TJFLAG_LIMITSCANS));
  }

  int width = 0;
  int height = 0;
  // Three channels of full resolution, stored as Y, Cb, Cr.
  bool full_colour = false;

 private:
  static std::unique_ptr<Handle>& decoder() {
    thread_local std::unique_ptr<Handle> value;
    return value;
  }
  static tjhandle handle() { return decoder()->value; }

  [[noreturn]] static void fail(const std::string& problem) {
    // After a file that ends inside its header, the decompressor would find the next one bad too.
    decoder().reset();
    throw Error(problem);
  }

  static void check(int status) {
    if (status == 0) return;
    // libjpeg calls a truncated or damaged file a warning and paints the rest grey. Stray bytes
    // between two segments are the one warning that leaves the picture whole.
    const std::string problem = tjGetErrorStr2(handle());
    const bool harmless = tjGetErrorCode(handle()) == TJERR_WARNING &&
                          problem.find("extraneous bytes") != std::string::npos;
    if (!harmless) fail(problem);
  }

  const unsigned char* data_;
  size_t bytes_;
};

/// JFIF's Y, Cb, Cr to B, G, R in place, with libjpeg's 16-bit fractions, so its very numbers.
SPHEREFACE_TARGET_CLONES
void convertToBgr(uint8_t* planes, size_t area) {
  uint8_t* __restrict first = planes;
  uint8_t* __restrict second = planes + area;
  uint8_t* __restrict third = planes + 2 * area;
  constexpr int kHalf = 1 << 15;
  for (size_t i = 0; i < area; ++i) {
    const int y = first[i];
    const int cb = second[i] - 128;
    const int cr = third[i] - 128;
    int b = y + ((116130 * cb + kHalf) >> 16);               // 1.77200
    int g = y + ((-22554 * cb - 46802 * cr + kHalf) >> 16);  // 0.34414, 0.71414
    int r = y + ((91881 * cr + kHalf) >> 16);                // 1.40200
    b = b < 0 ? 0 : b;
    g = g < 0 ? 0 : g;
    r = r < 0 ? 0 : r;
    first[i] = static_cast<uint8_t>(b > 255 ? 255 : b);
    second[i] = static_cast<uint8_t>(g > 255 ? 255 : g);
    third[i] = static_cast<uint8_t>(r > 255 ? 255 : r);
  }
}

/// errors: Error that doesn't name the bytes.
void decodeInto(std::string_view bytes, cv::Mat& image) {
  if (bytes.empty()) throw Error("empty image");
  if (isJpeg(bytes)) return JpegReader(bytes).readBgr(image);
  requirePhotograph(bytes);
  image = decodeByOpenCv(bytes);
}

}  // namespace

cv::Mat decodeImage(std::string_view bytes, const std::string& name) {
  cv::Mat image;
  try {
    decodeInto(bytes, image);
  } catch (const Error& e) {
    throw Error(concat(name, ": ", e.what()));
  }
  return image;
}

cv::Size decodePlanes(std::string_view bytes, std::vector<uint8_t>& planes) {
  if (isJpeg(bytes)) {
    const JpegReader jpeg(bytes);
    if (jpeg.full_colour) {
      const size_t area = static_cast<size_t>(jpeg.height) * static_cast<size_t>(jpeg.width);
      planes.resize(3 * area);
      jpeg.readPlanes(planes.data());
      convertToBgr(planes.data(), area);
      return {jpeg.width, jpeg.height};
    }
  }
  thread_local cv::Mat image;
  decodeInto(bytes, image);
  planes.resize(3 * image.total());
  copyPlanes(image, planes.data());
  return image.size();
}

std::string readImageBytes(const fs::path& path) {
  std::error_code unknown;
  const uintmax_t bytes = fs::file_size(path, unknown);
  if (!unknown && bytes > kMostImageBytes) {
    throw Error(concat(path.string(), ": ", bytes, " bytes are no photograph; at most ",
                       kMostImageBytes, " are read"));
  }
  return readFile(path);
}

cv::Mat readImage(const fs::path& path) {
  return decodeImage(readImageBytes(path), path.string());
}

std::string encodeJpeg(const cv::Mat& bgr, int quality) {
  thread_local const Handle encoder(tjInitCompress());
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const int status = tjCompress2(encoder.value, bgr.data, bgr.cols, static_cast<int>(bgr.step),
                                 bgr.rows, TJPF_BGR, &data, &size, TJSAMP_444, quality, 0);
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(data, tjFree);
  if (status != 0) throw Error(concat("JPEG encoding failed: ", tjGetErrorStr2(encoder.value)));
  return {reinterpret_cast<const char*>(data), size};
}

std::string encodePng(const cv::Mat& bgr) {
  return encodeByOpenCv(bgr, ".png");
}

std::string encodeImage(const cv::Mat& bgr, const fs::path& path, int jpeg_quality) {
  const std::string suffix = lowerCaseSuffix(path);
  if (suffix == ".jpg" || suffix == ".jpeg") return encodeJpeg(bgr, jpeg_quality);
  return encodeByOpenCv(bgr, suffix);
}

std::string lowerCaseSuffix(const fs::path& path) {
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return suffix;
}

bool hasImageSuffix(const fs::path& path) {
  static constexpr std::array kSuffixes = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm"};
  const std::string suffix = lowerCaseSuffix(path);
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end();
}

std::vector<fs::path> listImages(const fs::path& directory) {
  if (!fs::is_directory(directory)) throw Error(concat("no such folder: ", directory.string()));
  std::vector<fs::path> images;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(
           directory, fs::directory_options::follow_directory_symlink)) {
    if (entry.is_regular_file() && hasImageSuffix(entry.path())) {
      images.push_back(entry.path().lexically_relative(directory));
    }
  }
  if (images.empty()) throw Error(concat("no image below ", directory.string()));
  std::sort(images.begin(), images.end());
  return images;
}

}  // namespace sphereface
