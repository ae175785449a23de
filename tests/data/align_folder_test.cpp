// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/align_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/json.h"
#include "tests/support/shared_data.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// A folder of photographs: two people of LFW, made in SetUp. Tests add to it.
class AlignFolder : public testing::Test {
 protected:
  void SetUp() override {
    SPHEREFACE_NEEDS(sharedData("mtcnn"));
    SPHEREFACE_NEEDS(sharedData("lfw"));
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
    fs::create_directories(root_ / "in" / "deep" / "b");
    const std::vector<fs::path> all = listImages(sharedData("lfw")).images;
    fs::copy_file(sharedData("lfw") / all[10], root_ / "in" / "a.one.jpg");
    fs::copy_file(sharedData("lfw") / all[500], root_ / "in" / "deep" / "b" / "two.JPG");
    settings_ = {.input = root_ / "in",
                 .output = root_ / "out",
                 .models = sharedData("mtcnn"),
                 .threads = 2};
  }
  void TearDown() override {
    if (!root_.empty()) fs::remove_all(root_);
  }

  std::string journal() const { return readFile(settings_.output / "landmarks.tsv"); }
  std::string messageOfRun() const {
    try {
      alignFolder(settings_);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }

  fs::path root_;
  AlignSettings settings_;
};

TEST_F(AlignFolder, KeepsTheStructureAndListsTheLandmarks) {
  const AlignReport report = alignFolder(settings_);
  EXPECT_EQ(report.images, 2U);
  EXPECT_EQ(report.aligned, 2U);
  EXPECT_EQ(report.coverage(), 1.0);
  EXPECT_EQ(readImage(settings_.output / "a.one.jpg").size(), cv::Size(96, 112));
  EXPECT_EQ(readImage(settings_.output / "deep/b/two.jpg").size(), cv::Size(96, 112));
  const std::string text = journal();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\t'), 3 * 15);
  EXPECT_NE(text.find("\na.one.jpg\t"), std::string::npos);
  EXPECT_NE(text.find("\ndeep/b/two.JPG\t"), std::string::npos);
}

TEST_F(AlignFolder, ReportsWhatCannotBeAlignedAndGoesOn) {
  const std::string whole = readFile(settings_.input / "a.one.jpg");
  std::ofstream(settings_.input / "cut.jpg", std::ios::binary) << whole.substr(0, whole.size() / 2);
  std::ofstream(settings_.input / "empty.png") << "";
  std::ofstream(settings_.input / "text.jpg") << "no picture";
  std::ofstream(settings_.input / "grey.png", std::ios::binary)
      << encodePng(cv::Mat(64, 64, CV_8UC3, cv::Scalar(128, 128, 128)));
  std::ofstream(settings_.input / "tiny.png", std::ios::binary)
      << encodePng(cv::Mat(9, 200, CV_8UC3, cv::Scalar(128, 128, 128)));
  std::ofstream(settings_.input / "tab\there.jpg", std::ios::binary) << whole;
  std::ofstream(settings_.input / "latin1\xe9.jpg") << "no picture under a name that is not UTF-8";
  const AlignReport report = alignFolder(settings_);
  EXPECT_EQ(report.images, 9U);
  EXPECT_EQ(report.aligned, 2U);
  EXPECT_EQ(report.no_face, 2U);
  EXPECT_EQ(report.unreadable, 5U);
  const Json json = readJsonFile(settings_.output / "align_report.json");
  EXPECT_EQ(json["aligned"], 2);
  EXPECT_EQ(json["unreadable"], 5);
  EXPECT_NEAR(json["coverage"].get<double>(), 2.0 / 9, 1e-12);
  std::vector<std::string> names;
  for (const Json& failure : json["failures"])
    names.push_back(failure["path"].text());
  EXPECT_EQ(names,
            (std::vector<std::string>{"cut.jpg", "empty.png", "grey.png", "latin1\xef\xbf\xbd.jpg",
                                      "tab\there.jpg", "text.jpg", "tiny.png"}));
  EXPECT_EQ(json["failures"][2]["reason"], "no face found");
  EXPECT_EQ(json["failures"][6]["reason"],
            "the image of 200x9 pixels is smaller than the smallest face looked for (20)");
}

TEST_F(AlignFolder, GoesOnWhereItWasStopped) {
  alignFolder(settings_);
  const std::string first = journal();
  const std::string face = readFile(settings_.output / "a.one.jpg");
  EXPECT_EQ(alignFolder(settings_).already_done, 2U);
  EXPECT_EQ(journal(), first);

  fs::remove(settings_.output / "a.one.jpg");
  AlignReport report = alignFolder(settings_);
  EXPECT_EQ(report.already_done, 1U);
  EXPECT_EQ(report.aligned, 1U);
  EXPECT_EQ(readFile(settings_.output / "a.one.jpg"), face);
  EXPECT_EQ(journal(), first);

  // Killed while the last line was being written, with a face half written.
  std::ofstream(settings_.output / "landmarks.tsv", std::ios::binary)
      << first.substr(0, first.size() - 7);
  std::ofstream(settings_.output / "deep/b/two.jpg.partial") << "half";
  report = alignFolder(settings_);
  EXPECT_EQ(report.already_done, 1U);
  EXPECT_EQ(report.aligned, 1U);
  EXPECT_EQ(journal(), first);
  EXPECT_FALSE(fs::exists(settings_.output / "deep/b/two.jpg.partial"));
}

TEST_F(AlignFolder, DoesNotMixSettings) {
  alignFolder(settings_);
  settings_.min_face = 40;
  EXPECT_NE(messageOfRun().find("made with other settings"), std::string::npos);
}

TEST_F(AlignFolder, WritesLosslessFaces) {
  settings_.format = CropFormat::kPng;
  alignFolder(settings_);
  EXPECT_EQ(readImage(settings_.output / "a.one.png").size(), cv::Size(96, 112));
  EXPECT_FALSE(fs::exists(settings_.output / "a.one.jpg"));
}

TEST_F(AlignFolder, RefusesTwoPhotographsOfOneName) {
  fs::copy_file(settings_.input / "a.one.jpg", settings_.input / "a.one.jpeg");
  EXPECT_NE(messageOfRun().find("would both become"), std::string::npos);
}

TEST_F(AlignFolder, RefusesAnOutputInsideTheInput) {
  settings_.output = settings_.input / "aligned";
  EXPECT_THROW(alignFolder(settings_), UsageError);
  settings_.output = settings_.input;
  EXPECT_THROW(alignFolder(settings_), UsageError);
}

TEST_F(AlignFolder, FailsWhenNothingCouldBeAligned) {
  fs::remove_all(settings_.input);
  EXPECT_NE(messageOfRun().find("no such folder"), std::string::npos);
  fs::create_directories(settings_.input);
  EXPECT_NE(messageOfRun().find("no image below"), std::string::npos);
  std::ofstream(settings_.input / "text.jpg") << "no picture";
  EXPECT_NE(messageOfRun().find("none of the 1 images"), std::string::npos);
  EXPECT_TRUE(fs::exists(settings_.output / "align_report.json"));
  settings_.models = root_;
  EXPECT_NE(messageOfRun().find(root_.string() + " has neither pnet.onnx"), std::string::npos);
}

TEST_F(AlignFolder, SaysThatTheOutputCannotBeWritten) {
  std::ofstream(settings_.output) << "a file where the folder should be";
  EXPECT_NE(messageOfRun().find("cannot create"), std::string::npos);
}

}  // namespace
}  // namespace sphereface
