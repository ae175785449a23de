// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/image_file.h"

#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/atomic_file.h"
#include "base/error.h"

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

cv::Mat decodeJpeg(std::string_view bytes, const std::string& name) {
  thread_local std::unique_ptr<Handle> decoder;
  if (!decoder) decoder = std::make_unique<Handle>(tjInitDecompress());
  const tjhandle handle = decoder->value;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colour = 0;
  auto fail = [&](const std::string& problem) {
    // After a file that ends inside its header, the decompressor would find the next one bad too.
    decoder.reset();
    throw Error(concat(name, ": ", problem));
  };
  if (tjDecompressHeader3(handle, data, bytes.size(), &width, &height, &subsampling, &colour) !=
      0) {
    fail(tjGetErrorStr2(handle));
  }
  // A file of tables only passes for one with a header.
  if (width < 1 || height < 1) fail("the JPEG file ends before its picture");
  cv::Mat image(height, width, CV_8UC3);
  if (tjDecompress2(handle, data, bytes.size(), image.data, width, static_cast<int>(image.step),
                    height, TJPF_BGR, 0) != 0) {
    // libjpeg calls a truncated or damaged file a warning and paints the rest grey. Stray bytes
    // between two segments are the one warning that leaves the picture whole.
    const std::string problem = tjGetErrorStr2(handle);
    const bool harmless = tjGetErrorCode(handle) == TJERR_WARNING &&
                          problem.find("extraneous bytes") != std::string::npos;
    if (!harmless) fail(problem);
  }
  return image;
}

}  // namespace

cv::Mat decodeImage(std::string_view bytes, const std::string& name) {
  if (bytes.empty()) throw Error(concat(name, ": empty image"));
  if (isJpeg(bytes)) return decodeJpeg(bytes, name);
  const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  cv::Mat image;
  try {
    image = cv::imdecode(raw, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception& e) {
    throw Error(concat(name, ": ", e.err));
  }
  if (image.empty()) throw Error(concat(name, ": not an image that can be decoded"));
  return image;
}

cv::Mat readImage(const fs::path& path) {
  return decodeImage(readFile(path), path.string());
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
  std::vector<uchar> bytes;
  if (!cv::imencode(".png", bgr, bytes)) throw Error("PNG encoding failed");
  return {bytes.begin(), bytes.end()};
}

bool hasImageSuffix(const fs::path& path) {
  static constexpr std::array kSuffixes = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm"};
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
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
