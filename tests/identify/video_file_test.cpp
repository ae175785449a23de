// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "identify/video_file.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr int kFrames = 20;
constexpr double kRate = 30000.0 / 1001;
const cv::Size kSize(160, 96);

/// Frame i is grey of 5 + 12 i.
void writeVideo(const fs::path& path) {
  VideoWriter writer(path, kRate, kSize);
  for (int i = 0; i < kFrames; ++i)
    writer.write(cv::Mat(kSize, CV_8UC3, cv::Scalar::all(5 + 12 * i)));
  writer.commit();
}

size_t filesIn(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(VideoFile, EveryFormatGivesBackItsFrames) {
  const TemporaryFolder folder;
  for (const char* name : {"a.avi", "a.mp4", "a.MOV", "a.mkv"}) {
    const fs::path path = folder / name;
    try {
      writeVideo(path);
    } catch (const Error& e) {
      ASSERT_STRNE(name, "a.avi") << e.what();  // the others need FFmpeg's H.264
      continue;
    }
    VideoReader reader(path);
    EXPECT_NEAR(reader.framesPerSecond(), kRate, 0.01);
    EXPECT_EQ(reader.announcedFrames(), static_cast<size_t>(kFrames));
    cv::Mat frame;
    for (int i = 0; i < kFrames; ++i) {
      ASSERT_TRUE(reader.read(frame)) << name << i;
      ASSERT_EQ(frame.size(), kSize);
      EXPECT_NEAR(cv::mean(frame)[0], 5 + 12 * i, 6) << name << i;
    }
    EXPECT_FALSE(reader.read(frame));
  }
}

TEST(VideoFile, WithoutCommitNothingIsLeft) {
  const TemporaryFolder folder;
  {
    VideoWriter writer(folder / "a.avi", kRate, kSize);
    writer.write(cv::Mat(kSize, CV_8UC3, cv::Scalar::all(9)));
  }
  EXPECT_EQ(filesIn(folder.path()), 0U);
  EXPECT_TRUE(contains(errorOf([&] { VideoWriter(folder / "no/folder/a.avi", kRate, kSize); }),
                       "can't write .avi"));
}

TEST(VideoFile, SaysAfterWhichFrameAVideoIsCutOff) {
  const TemporaryFolder folder;
  writeVideo(folder / "whole.avi");
  const std::string bytes = readFile(folder / "whole.avi");
  writeFileAtomically(folder / "cut.avi", bytes.substr(0, bytes.size() / 2));
  const std::string message = errorOf([&] {
    VideoReader reader(folder / "cut.avi");
    cv::Mat frame;
    while (reader.read(frame)) {
    }
  });
  EXPECT_TRUE(contains(message, "cut.avi: no frame can be decoded after the first")) << message;
  EXPECT_TRUE(contains(message, "of 20")) << message;
}

TEST(VideoFile, NamesWhatIsNoVideo) {
  const TemporaryFolder folder;
  writeFileAtomically(folder / "text.mp4", "no video");
  EXPECT_TRUE(contains(errorOf([&] { VideoReader(folder / "text.mp4"); }),
                       "text.mp4: not a video that OpenCV can decode"));
  EXPECT_TRUE(contains(errorOf([&] { VideoReader(folder / "none.mp4"); }), "no such video"));
}

}  // namespace
}  // namespace sphereface
