// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/jpeg_file.h"

#include <turbojpeg.h>

#include <array>
#include <bitset>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/image_planes.h"
#include "base/target_clones.h"

namespace sphereface {
namespace {

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

/// The decompressor came to the end of the bytes before it saw an end mark.
class NoEndMark : public Error {
 public:
  using Error::Error;
};

/// Of three inks and black, stored inverted, in place of the first three of each four bytes.
void convertInks(const cv::Mat& inks, cv::Mat& bgr) {
  bgr.create(inks.size(), CV_8UC3);
  const auto paint = [](int ink, int black) {
    return static_cast<uint8_t>((ink * black + 127) / 255);
  };
  for (int y = 0; y < inks.rows; ++y) {
    const uint8_t* from = inks.ptr(y);
    uint8_t* to = bgr.ptr(y);
    for (int x = 0; x < inks.cols; ++x, from += 4, to += 3) {
      for (int c = 0; c < 3; ++c)
        to[c] = paint(from[2 - c], from[3]);
    }
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
      refuse(tjGetErrorStr2(handle()));
    }
    full_colour = subsampling == TJSAMP_444 && colour == TJCS_YCbCr;
    four_inks_ = colour == TJCS_CMYK || colour == TJCS_YCCK;
    // A file of tables only passes for one with a header.
    if (width < 1 || height < 1) refuse("the JPEG file ends before its picture");
    requireImageSize(static_cast<uint64_t>(width), static_cast<uint64_t>(height));
  }

  void readBgr(cv::Mat& image) const {
    if (four_inks_) {
      cv::Mat inks(height, width, CV_8UC4);
      readAs(TJPF_CMYK, inks);
      return convertInks(inks, image);
    }
    image.create(height, width, CV_8UC3);
    readAs(TJPF_BGR, image);
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

  void readAs(int format, cv::Mat& image) const {
    check(tjDecompress2(handle(), data_, bytes_, image.data, width, static_cast<int>(image.step),
                        height, format, TJFLAG_LIMITSCANS));
  }

  template <class Problem = Error>
  [[noreturn]] static void refuse(const std::string& problem) {
    // After a file that ends inside its header, the decompressor would find the next one bad too.
    decoder().reset();
    throw Problem(problem);
  }

  static void check(int status) {
    if (status == 0) return;
    // libjpeg calls a truncated or damaged file a warning and paints the rest grey. Its last one
    // counts: stray bytes between two segments leave the picture whole.
    const std::string problem = tjGetErrorStr2(handle());
    if (tjGetErrorCode(handle()) != TJERR_WARNING) refuse(problem);
    if (problem.find("extraneous bytes") != std::string::npos) return;
    if (problem.find("Premature end of JPEG file") != std::string::npos) refuse<NoEndMark>(problem);
    refuse(problem);
  }

  const unsigned char* data_;
  size_t bytes_;
  bool four_inks_ = false;
};

/// Whether every coefficient of every component stands in a scan, to its last bit. libjpeg takes
/// those that no scan has for zeros: with an end mark, a progressive file that was cut between two
/// scans is a whole one of a poorer picture. Arithmetic coding, whose decoder takes missing bytes
/// for zeros too, is never whole.
bool hasAllScans(std::string_view bytes) {
  constexpr size_t kCoefficients = 64;
  std::map<unsigned, std::bitset<kCoefficients>> missing;  // of each component
  bool progressive = false;
  const auto byte = [&](size_t at) -> unsigned {
    return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
  };
  for (size_t at = 2; at + 4 <= bytes.size();) {
    const unsigned marker = byte(at + 1);
    const bool is_segment =
        byte(at) == 0xff && marker >= 0xc0 && marker != 0xff && (marker < 0xd0 || marker > 0xd8);
    if (!is_segment) {  // coded data
      ++at;
      continue;
    }
    constexpr unsigned kStartOfScan = 0xda;
    if (marker >= 0xc0 && marker <= 0xc2) {  // a frame: sequential, extended, progressive
      progressive = marker == 0xc2;
      for (unsigned i = 0; i < byte(at + 9); ++i)
        missing[byte(at + 10 + 3 * i)].set();
    } else if (marker > 0xc2 && marker <= 0xcf && marker != 0xc4) {  // other codings
      return false;
    } else if (marker == kStartOfScan) {
      const unsigned components = byte(at + 4);
      const size_t band = at + 5 + 2 * components;
      const unsigned first = progressive ? byte(band) : 0;
      const unsigned last = progressive ? byte(band + 1) : kCoefficients - 1;
      const bool to_the_last_bit = !progressive || (byte(band + 2) & 15) == 0;
      for (unsigned i = 0; i < components; ++i) {
        for (unsigned k = first; k <= last && k < kCoefficients && to_the_last_bit; ++k)
          missing[byte(at + 5 + 2 * i)].reset(k);
      }
    }
    at += 2 + (byte(at + 2) << 8 | byte(at + 3));
  }
  for (const auto& [component, coefficients] : missing) {
    if (coefficients.any()) return false;
  }
  return true;
}

/// Calls `read` with a reader of the file, and anew with one that has an end mark when the file
/// lacks nothing else: a picture that is cut has no bits for its last pixels then.
template <class Read>
void readWhole(std::string_view bytes, const Read& read) {
  try {
    return read(JpegReader(bytes));
  } catch (const NoEndMark&) {
    if (!hasAllScans(bytes)) throw;
  }
  read(JpegReader(std::string(bytes) + "\xff\xd9"));
}

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

}  // namespace

bool isJpeg(std::string_view bytes) {
  return bytes.size() > 3 && bytes.substr(0, 3) == "\xff\xd8\xff";
}

void requireImageSize(uint64_t width, uint64_t height) {
  if (width > kMostPixels || height > kMostPixels || width * height > kMostPixels) {
    throw Error(concat("an image of ", width, "x", height, " pixels; at most ", kMostPixels,
                       " pixels are decoded"));
  }
}

void decodeJpeg(std::string_view bytes, cv::Mat& image) {
  readWhole(bytes, [&](const JpegReader& jpeg) { jpeg.readBgr(image); });
}

cv::Size decodeJpegPlanes(std::string_view bytes, std::vector<uint8_t>& planes) {
  cv::Size size;
  readWhole(bytes, [&](const JpegReader& jpeg) {
    size = {jpeg.width, jpeg.height};
    const size_t area = static_cast<size_t>(jpeg.height) * static_cast<size_t>(jpeg.width);
    planes.resize(3 * area);
    if (jpeg.full_colour) {
      jpeg.readPlanes(planes.data());
      convertToBgr(planes.data(), area);
    } else {
      thread_local cv::Mat image;
      jpeg.readBgr(image);
      copyPlanes(image, planes.data());
    }
  });
  return size;
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

}  // namespace sphereface
