// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/opencv_images.h"

#include <dlfcn.h>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr const char* kLibrary = "libsphereface_images.so";

/// A function of base/opencv_images_library.cpp with the signature of `like`.
template <class Function>
Function* load(Function*, const char* name) {
  // Never closed: what it makes is freed by its code.
  void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  void* const function = library == nullptr ? nullptr : dlsym(library, name);
  if (function == nullptr) {
    throw Error(concat("images other than JPEG, and data.low_resolution, need OpenCV's libraries: ",
                       dlerror()));
  }
  return reinterpret_cast<Function*>(function);
}

}  // namespace

cv::Mat decodeByOpenCv(std::string_view bytes) {
  static auto* const decode =
      load(static_cast<void (*)(std::string_view, cv::Mat&)>(nullptr), "spherefaceDecodeImage");
  cv::Mat image;
  decode(bytes, image);
  return image;
}

std::string encodeByOpenCv(const cv::Mat& bgr, const std::string& suffix) {
  static auto* const encode =
      load(static_cast<void (*)(const cv::Mat&, const std::string&, std::string&)>(nullptr),
           "spherefaceEncodeImage");
  std::string bytes;
  encode(bgr, suffix, bytes);
  return bytes;
}

void resizeByOpenCv(const cv::Mat& from, const cv::Size& size, bool smaller, cv::Mat& to) {
  static auto* const resize =
      load(static_cast<void (*)(const cv::Mat&, const cv::Size&, bool, cv::Mat&)>(nullptr),
           "spherefaceResizeImage");
  resize(from, size, smaller, to);
}

}  // namespace sphereface
