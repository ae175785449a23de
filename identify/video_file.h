// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Videos as sequences of 8-bit BGR frames, by OpenCV's videoio. Sound is not read or written.

#pragma once

#include <cstddef>
#include <filesystem>
#include <opencv2/core.hpp>
#include <opencv2/videoio.hpp>

namespace sphereface {

class VideoReader {
 public:
  /// errors: Error naming the file when it isn't there, isn't a video that can be decoded, or
  /// doesn't say how many frames a second has.
  explicit VideoReader(const std::filesystem::path& path);

  double framesPerSecond() const { return frames_per_second_; }
  /// By the file's header or its duration; 0 when it doesn't say.
  size_t announcedFrames() const { return announced_; }

  /// False at the end. errors: Error naming the file and the frame where its size changes, or after
  /// which the video ends though more than a second of it (or a tenth, of a short one) is still to
  /// come by its header: it was cut off or is damaged there.
  bool read(cv::Mat& frame);

 private:
  std::filesystem::path path_;
  cv::VideoCapture capture_;
  double frames_per_second_ = 0;
  size_t announced_ = 0;
  size_t frames_ = 0;
  cv::Size size_;
};

/// True for the suffixes that videos are written to: .avi (Motion JPEG), .mp4, .mov, .mkv (H.264).
bool hasVideoSuffix(const std::filesystem::path& path);

/// Writes beside the file's final name, which it gets in the end.
class VideoWriter {
 public:
  /// errors: Error naming the file when this OpenCV can't write such a video. requires: a suffix of
  /// hasVideoSuffix.
  VideoWriter(const std::filesystem::path& path, double frames_per_second, const cv::Size& size);
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;
  /// Without commit() nothing is left.
  ~VideoWriter();

  void write(const cv::Mat& frame);
  /// errors: Error when not all frames are in the file, such as with a full disk.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path partial_;
  cv::VideoWriter writer_;
  size_t frames_ = 0;
};

}  // namespace sphereface
