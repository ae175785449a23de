// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Shared by the tests of packing and of reading packed data sets.

#pragma once

#include <filesystem>
#include <functional>
#include <opencv2/core.hpp>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/temporary_folder.h"
#include "data/pack.h"

namespace sphereface {

constexpr int kTestHeight = 5;
constexpr int kTestWidth = 7;

/// Different for each number, and along x, y and channel.
inline cv::Mat testImage(int number, int height = kTestHeight, int width = kTestWidth) {
  cv::Mat image(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.at<cv::Vec3b>(y, x)[c] =
            static_cast<unsigned char>(number * 41 + y * 7 + x * 3 + c * 60);
      }
    }
  }
  return image;
}

inline void writeBytes(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  writeFileAtomically(path, bytes);
}

/// `identities` folders a, b, ...: folder k has k+1 PNG files.
inline void writeTestFaces(const std::filesystem::path& folder, int identities) {
  int number = 0;
  for (int identity = 0; identity < identities; ++identity) {
    const std::string name(1, static_cast<char>('a' + identity));
    for (int image = 0; image <= identity; ++image) {
      writeBytes(folder / name / (std::to_string(image) + ".png"), encodePng(testImage(number++)));
    }
  }
}

inline PackOptions testPackOptions(const std::filesystem::path& input,
                                   const std::filesystem::path& output) {
  PackOptions options;
  options.input = input;
  options.output = output;
  options.height = kTestHeight;
  options.width = kTestWidth;
  options.threads = 2;
  return options;
}

/// The message of the Error that `action` throws; "" when it throws none.
inline std::string errorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace sphereface
