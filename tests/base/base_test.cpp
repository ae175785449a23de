// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <opencv2/imgproc.hpp>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/statistics.h"
#include "base/temporary_folder.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

class AtomicFile : public ::testing::Test {
 protected:
  const TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

using ImageFile = AtomicFile;

TEST_F(AtomicFile, ReplacesAndLeavesNothingElse) {
  const fs::path file = folder_ / "a";
  writeFileAtomically(file, "one");
  writeFileAtomically(file, std::string("t\0o", 3));
  EXPECT_EQ(readFile(file), std::string("t\0o", 3));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(AtomicFile, ErrorsNameTheFile) {
  try {
    writeFileAtomically(folder_ / "no" / "such", "x");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find((folder_ / "no" / "such").string()), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("No such file"), std::string::npos);
  }
  EXPECT_THROW(readFile(folder_), Error) << "a folder";
  EXPECT_THROW(readFile(folder_ / "none"), Error);
}

TEST_F(AtomicFile, AWriteThatFailsIsAnErrorAndTheOldFileStays) {
  const fs::path file = folder_ / "a";
  writeFileAtomically(file, "old");
  // As on a disk that is full: this process may write no file beyond two bytes.
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit little { 2, before.rlim_max };
  ASSERT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
  EXPECT_THROW(writeFileAtomically(file, "new"), Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(readFile(file), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(AtomicFile, FollowsNoLinkOfItsTemporaryName) {
  writeFileAtomically(folder_ / "precious", "kept");
  const fs::path guessed = folder_ / concat("file.", ::getpid(), ".tmp");
  for (const char* target : {"precious", "absent"}) {
    fs::create_symlink(folder_ / target, guessed);
    writeFileAtomically(folder_ / "file", target);
    EXPECT_EQ(readFile(folder_ / "file"), target);
    EXPECT_EQ(readFile(folder_ / "precious"), "kept");
    EXPECT_FALSE(fs::exists(folder_ / "absent"));
    EXPECT_FALSE(fs::is_symlink(guessed));
  }
  // What another process of this number left, or a folder.
  std::ofstream(guessed) << "half";
  writeFileAtomically(folder_ / "file", "whole");
  EXPECT_EQ(readFile(folder_ / "file"), "whole");
  fs::create_directory(guessed);
  EXPECT_THROW(writeFileAtomically(folder_ / "file", "x"), Error);
}

TEST_F(AtomicFile, UnfinishedWorkGoesIntoNoLink) {
  makeWorkFolder(folder_ / "deep/work");
  makeWorkFolder(folder_ / "deep/work");
  fs::create_directory_symlink(folder_ / "deep", folder_ / "link");
  EXPECT_THROW(makeWorkFolder(folder_ / "link"), Error);
  EXPECT_NO_THROW(makeWorkFolder(folder_ / "link/within"));
}

TEST_F(AtomicFile, CommitsAFolder) {
  fs::create_directories(folder_ / "work" / "deep");
  writeFileAtomically(folder_ / "work" / "deep" / "a", "x");
  commitDirectory(folder_ / "work", folder_ / "done");
  EXPECT_EQ(readFile(folder_ / "done" / "deep" / "a"), "x");
  EXPECT_FALSE(fs::exists(folder_ / "work"));
}

TEST_F(AtomicFile, JsonThatCannotBeReadIsAnErrorNamingTheFile) {
  for (const char* text : {"", "{\"a\": ", "[1, 2", "no json", "[1e999]"}) {
    writeFileAtomically(folder_ / "some.json", text);
    try {
      readJsonFile(folder_ / "some.json");
      FAIL() << text;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("some.json"), std::string::npos) << e.what();
    }
  }
}

TEST(Sha256, KnowsThePublishedVectors) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

cv::Mat gradientImage() {
  cv::Mat image(112, 96, CV_8UC3);
  for (int y = 0; y < image.rows; ++y) {
    for (int x = 0; x < image.cols; ++x) {
      image.at<cv::Vec3b>(y, x) = cv::Vec3b(static_cast<uchar>(x), static_cast<uchar>(2 * y), 77);
    }
  }
  return image;
}

TEST_F(ImageFile, JpegRoundTripKeepsChannelOrder) {
  const cv::Mat image = gradientImage();
  const cv::Mat back = decodeImage(encodeJpeg(image, 98), "memory");
  EXPECT_LT(cv::norm(image, back, cv::NORM_INF), 12);
  EXPECT_EQ(cv::norm(image, decodeImage(encodePng(image), "memory"), cv::NORM_INF), 0);
}

TEST_F(ImageFile, ATruncatedJpegIsAnErrorNamingTheFile) {
  const std::string bytes = encodeJpeg(gradientImage(), 95);
  const fs::path file = folder_ / "cut.jpg";
  for (const size_t keep : {bytes.size() / 2, bytes.size() - 20, size_t{10}}) {
    writeFileAtomically(file, bytes.substr(0, keep));
    try {
      readImage(file);
      FAIL() << keep;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("cut.jpg"), std::string::npos) << e.what();
    }
  }
}

TEST_F(ImageFile, WhatIsNoImageIsAnError) {
  EXPECT_THROW(decodeImage("", "empty"), Error);
  EXPECT_THROW(decodeImage("not an image at all", "text"), Error);
}

TEST_F(ImageFile, ListsImagesInOrder) {
  fs::create_directories(folder_ / "b");
  for (const char* name : {"b/2.JPG", "a.png", "b/1.jpg", "b/readme.txt"}) {
    writeFileAtomically(folder_ / name, "x");
  }
  const std::vector<fs::path> expected = {"a.png", "b/1.jpg", "b/2.JPG"};
  EXPECT_EQ(listImages(folder_).images, expected);
  fs::create_directories(folder_ / "empty");
  EXPECT_THROW(listImages(folder_ / "empty"), Error);
  EXPECT_THROW(listImages(folder_ / "missing"), Error);
}

TEST(AvailableThreads, AreThoseTheAffinityAllows) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(availableThreads(), static_cast<size_t>(CPU_COUNT(&before)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(availableThreads(), 1U);
  ::sched_setaffinity(0, sizeof before, &before);
}

TEST(ParallelFor, CallsEachIndexOnceAndPassesErrorsOn) {
  std::vector<std::atomic<int>> calls(1000);
  parallelFor(calls.size(), 4, [&](size_t i) { ++calls[i]; });
  for (const std::atomic<int>& count : calls)
    EXPECT_EQ(count, 1);
  EXPECT_THROW(parallelFor(100, 3,
                           [](size_t i) {
                             if (i == 50) throw Error("50");
                           }),
               Error);
}

TEST(Random, IsTheSameEverywhere) {
  // SplitMix64's own first outputs would show for key 0; ours are keyed, so they are pinned here.
  Random a(1, 2, 3);
  Random b(1, 2, 3);
  Random c(1, 3, 2);
  const uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < 100000; ++i) {
    const double value = a.normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 1e5, 0, 0.02);
  EXPECT_NEAR(squares / 1e5, 1, 0.02);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i)
    seen.insert(a.below(7));
  EXPECT_EQ(seen.size(), 7U);
}

TEST(Median, OfAnEvenNumberIsTheUpperMiddleOrTheMean) {
  EXPECT_EQ(median({5, 1, 9}), 5);
  EXPECT_EQ(median({8, 1, 9, 2}), 8);
  EXPECT_EQ(medianByMean({5, 1, 9}), 5);
  EXPECT_EQ(medianByMean({8, 1, 9, 2}), 5);
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(medianByMean({}), 0);
}

TEST(Duration, IsReadable) {
  EXPECT_EQ(formatDuration(7), "0:07");
  EXPECT_EQ(formatDuration(754.4), "12:34");
  EXPECT_EQ(formatDuration(11109), "3:05:09");
  EXPECT_EQ(formatScaled(0), "0");
  EXPECT_EQ(formatScaled(999), "999");
  EXPECT_EQ(formatScaled(999.6), "1 k");
  EXPECT_EQ(formatScaled(22670656), "22.7 M");
  EXPECT_EQ(formatScaled(812, "B"), "812 B");
  EXPECT_EQ(formatScaled(1.2345e12, "FLOP"), "1.23 TFLOP");
}

}  // namespace
}  // namespace sphereface
