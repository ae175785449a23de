// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/video_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <system_error>

#include "base/error.h"
#include "base/image_file.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct VideoFormat {
  const char* suffix;
  std::array<char, 4> codec;
};

constexpr std::array<VideoFormat, 4> kFormats = {{{".avi", {'M', 'J', 'P', 'G'}},
                                                  {".mp4", {'a', 'v', 'c', '1'}},
                                                  {".mov", {'a', 'v', 'c', '1'}},
                                                  {".mkv", {'X', '2', '6', '4'}}}};
constexpr double kMostFramesPerSecond = 1000;  // more is a time base that was taken for a rate

const VideoFormat* formatOf(const fs::path& path) {
  const std::string suffix = lowerCaseSuffix(path);
  for (const VideoFormat& format : kFormats) {
    if (suffix == format.suffix) return &format;
  }
  return nullptr;
}

}  // namespace

VideoReader::VideoReader(const fs::path& path) : path_(path) {
  if (!fs::is_regular_file(path)) throw Error(concat("no such video: ", path.string()));
  if (!capture_.open(path.string())) {
    throw Error(concat(path.string(), ": not a video that OpenCV can decode, or damaged"));
  }
  frames_per_second_ = capture_.get(cv::CAP_PROP_FPS);
  if (!(frames_per_second_ > 0 && frames_per_second_ <= kMostFramesPerSecond)) {
    throw Error(concat(path.string(), ": the video says that it has ", frames_per_second_,
                       " frames a second"));
  }
  const double announced = capture_.get(cv::CAP_PROP_FRAME_COUNT);
  if (announced >= 1) announced_ = static_cast<size_t>(std::llround(announced));
}

bool VideoReader::read(cv::Mat& frame) {
  if (!capture_.read(frame) || frame.empty()) {
    const double missing = static_cast<double>(announced_) - static_cast<double>(frames_);
    const double allowed = std::min(frames_per_second_, static_cast<double>(announced_) / 10);
    if (frames_ == 0 || missing > allowed) {
      throw Error(concat(path_.string(), ": no frame can be decoded after the first ", frames_,
                         " of ", announced_, ": the video is cut off or damaged there"));
    }
    return false;
  }
  if (frames_ == 0) size_ = frame.size();
  if (frame.size() != size_) {
    throw Error(concat(path_.string(), ": frame ", frames_, " has ", frame.cols, "x", frame.rows,
                       " pixels, those before it ", size_.width, "x", size_.height));
  }
  ++frames_;
  return true;
}

bool hasVideoSuffix(const fs::path& path) {
  return formatOf(path) != nullptr;
}

VideoWriter::VideoWriter(const fs::path& path, double frames_per_second, const cv::Size& size)
    : path_(path), partial_(path) {
  // The container is chosen by the suffix, so that has to stay last.
  partial_.replace_extension(concat("partial", path.extension().string()));
  const std::array<char, 4> codec = formatOf(path)->codec;
  const int code = cv::VideoWriter::fourcc(codec[0], codec[1], codec[2], codec[3]);
  if (!writer_.open(partial_.string(), code, frames_per_second, size)) {
    std::error_code ignored;
    fs::remove(partial_, ignored);
    throw Error(concat(path.string(), ": can't write ", path.extension().string(), " with codec ",
                       std::string(codec.begin(), codec.end()),
                       " here: no permission, or OpenCV was built without it; Motion JPEG (.avi) "
                       "always is"));
  }
}

VideoWriter::~VideoWriter() {
  writer_.release();
  std::error_code ignored;
  fs::remove(partial_, ignored);
}

void VideoWriter::write(const cv::Mat& frame) {
  writer_.write(frame);
  ++frames_;
}

void VideoWriter::commit() {
  writer_.release();
  // OpenCV doesn't report a write that failed. One frame less may be the rounding of a duration.
  cv::VideoCapture written(partial_.string());
  const double frames = written.isOpened() ? written.get(cv::CAP_PROP_FRAME_COUNT) : 0;
  if (frames + 1 < static_cast<double>(frames_)) {
    throw Error(concat("cannot write ", path_.string(), ": only ", frames, " of ", frames_,
                       " frames are in the file; is the disk full?"));
  }
  written.release();
  std::error_code failed;
  fs::rename(partial_, path_, failed);
  if (failed) throw Error(concat("cannot write ", path_.string(), ": ", failed.message()));
}

}  // namespace sphereface
