// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/pack_selection.h"

#include <gtest/gtest.h>

#include <set>

#include "data/dataset.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> namesOf(const Dataset& set) {
  std::vector<std::string> names;
  for (uint64_t i = 0; i < set.size(); ++i)
    names.push_back(set.key(i).substr(9));
  return names;
}

class PackSelectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    writeTestFaces(folder_ / "faces", 4);
    options_ = testPackOptions(folder_ / "faces", folder_ / "set");
    options_.shuffle = false;
    options_.force = true;
  }
  std::vector<std::string> packedNames() {
    result_ = packDataset(options_);
    return namesOf(Dataset(folder_ / "set"));
  }
  TemporaryFolder folder_;
  PackOptions options_;
  PackResult result_;
};

TEST_F(PackSelectionTest, ExcludesIdentitiesAndImagesByName) {
  writeBytes(folder_ / "out.txt",
             "\xef\xbb\xbf"
             "b\r\n\nc/1.png\nd/0\nnobody\nd/77.png\n");
  options_.selection.exclude = {folder_ / "out.txt"};
  EXPECT_EQ(packedNames(), (std::vector<std::string>{"a/0.png", "c/0.png", "c/2.png", "d/1.png",
                                                     "d/2.png", "d/3.png"}));
  EXPECT_EQ(result_.left_out.excluded, 4U);
  EXPECT_EQ(result_.left_out.identities, std::vector<std::string>{"b"});
  ASSERT_EQ(result_.notes.size(), 1U);
  EXPECT_TRUE(contains(result_.notes[0], "2 of 5 names are no identity or image of the input"));
  EXPECT_TRUE(contains(result_.notes[0], "nobody, d/77.png"));
  const Dataset set(folder_ / "set");
  EXPECT_EQ(set.manifest().classes(), 3U);
  EXPECT_EQ(set.label(1), 1);
}

TEST_F(PackSelectionTest, ExcludesThePeopleWhomLfwHasToo) {
  for (const char* name : {"0166921", "1056413", "1193098"})
    writeBytes(folder_ / "faces" / name / "001.jpg", encodeJpeg(testImage(50), 90));
  options_.selection.exclude_lfw_overlap = true;
  EXPECT_EQ(packedNames().size(), 10U);
  EXPECT_EQ(result_.left_out.excluded, 3U);
  EXPECT_TRUE(result_.notes.empty());
  EXPECT_EQ(result_.manifest.classes(), 4U);
  fs::remove_all(folder_ / "faces/1056413");
  packedNames();
  ASSERT_EQ(result_.notes.size(), 1U);
  EXPECT_TRUE(contains(result_.notes[0], "1 of 3 names")) << result_.notes[0];
}

TEST_F(PackSelectionTest, LeavesOutSmallIdentitiesAndCutsLargeOnes) {
  options_.selection.min_images = 2;
  options_.selection.max_images = 3;
  const std::vector<std::string> names = packedNames();
  EXPECT_EQ(names.size(), 2U + 3U + 3U);
  EXPECT_EQ(result_.left_out.identities, std::vector<std::string>{"a"});
  EXPECT_EQ(result_.left_out.beyond_most, 1U);
  EXPECT_EQ(packedNames(), names);
  std::set<std::vector<std::string>> choices;
  for (options_.seed = 1; options_.seed <= 20; ++options_.seed)
    choices.insert(packedNames());
  EXPECT_EQ(choices.size(), 4U);
}

TEST_F(PackSelectionTest, GivenLabelsMayNotShiftUnasked) {
  writeBytes(
      folder_ / "list.txt",
      "faces/a/0.png 0\nfaces/b/0.png 1\nfaces/b/1.png 1\nfaces/c/0.png 2\nfaces/c/1.png 2\n");
  options_.input = folder_ / "list.txt";
  options_.selection.min_images = 2;
  const std::string error = errorOf([&] { packDataset(options_); });
  EXPECT_TRUE(contains(error, "too few images are left of label 0 (a)")) << error;
  options_.selection.renumber = true;
  packedNames();
  EXPECT_EQ(result_.manifest.identity(0).name(), "b");
  EXPECT_EQ(Dataset(folder_ / "set").label(0), 0);
}

TEST_F(PackSelectionTest, ReportsAndDropsDuplicates) {
  const auto copy = [&](const std::string& from, const std::string& to) {
    fs::copy_file(folder_ / "faces" / from, folder_ / "faces" / to);
  };
  copy("b/0.png", "b/9.png");
  copy("b/0.png", "b/8.png");
  copy("c/1.png", "d/9.png");
  copy("c/1.png", "d/8.png");
  EXPECT_EQ(packedNames().size(), 14U);
  EXPECT_EQ(result_.repeated.within.size(), 2U);
  EXPECT_EQ(result_.repeated.across.size(), 3U);
  options_.selection.drop_repeated = true;
  const std::vector<std::string> names = packedNames();
  const std::vector<std::string> expected = {"a/0.png", "b/0.png", "b/1.png", "c/0.png", "c/2.png",
                                             "d/0.png", "d/1.png", "d/2.png", "d/3.png"};
  EXPECT_EQ(names, expected);
  ASSERT_EQ(result_.left_out.repeated.size(), 5U);
  EXPECT_TRUE(contains(result_.left_out.repeated[0], "faces/b/8.png"));
  EXPECT_TRUE(result_.repeated.within.empty());
  EXPECT_TRUE(result_.repeated.across.empty());
}

TEST_F(PackSelectionTest, CountsGreyImages) {
  writeBytes(folder_ / "faces/a/grey.png",
             encodePng(cv::Mat(kTestHeight, kTestWidth, CV_8UC3, cv::Scalar::all(77))));
  packedNames();
  EXPECT_EQ(result_.grey, 1U);
}

TEST_F(PackSelectionTest, NothingLeftIsAnError) {
  options_.selection.min_images = 100;
  EXPECT_TRUE(contains(errorOf([&] { packDataset(options_); }), "no usable image is left"));
}

}  // namespace
}  // namespace sphereface
