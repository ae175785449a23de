// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/contact_sheet.h"

#include <gtest/gtest.h>

#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

/// Upper left corner of the image's only occurrence in the sheet; (-1, -1) when there is none.
cv::Point find(const cv::Mat& sheet, const cv::Mat& image) {
  for (int y = 0; y + image.rows <= sheet.rows; ++y) {
    for (int x = 0; x + image.cols <= sheet.cols; ++x) {
      const cv::Mat part = sheet(cv::Rect(cv::Point(x, y), image.size()));
      if (cv::norm(part, image, cv::NORM_INF) == 0) return {x, y};
    }
  }
  return {-1, -1};
}

TEST(ContactSheet, ShowsEachIdentitysImagesInARow) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 4);
  packDataset(testPackOptions(folder / "faces", folder / "set"));
  const Dataset set(folder / "set");
  const std::vector<SheetRow> rows = sampleIdentities(set, 3, 2);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].images.size(), 1U);
  EXPECT_EQ(rows[1].images.size(), 2U);
  EXPECT_EQ(rows[2].images.size(), 2U);
  EXPECT_EQ(rows[2].label, "2  c  (3 images)");

  const cv::Size cell(kTestWidth, kTestHeight);
  const cv::Mat sheet = drawContactSheet(rows, cell);
  EXPECT_EQ(sheet.size(), contactSheetSize(3, 2, cell));
  const cv::Point first = find(sheet, rows[2].images[0]);
  const cv::Point second = find(sheet, rows[2].images[1]);
  EXPECT_GE(first.x, 0);
  EXPECT_EQ(first.y, second.y);
  EXPECT_GE(second.x, first.x + kTestWidth);
  EXPECT_GT(first.y, find(sheet, rows[1].images[0]).y);
}

TEST(ContactSheet, ShowsAnImageAndItsVariants) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 4);
  packDataset(testPackOptions(folder / "faces", folder / "set"));
  const Dataset set(folder / "set");
  const std::vector<SheetRow> rows = sampleVariants(set, 2, 5, {.brightness = 30}, 1);
  ASSERT_EQ(rows.size(), 2U);
  const std::vector<SheetRow> originals = sampleIdentities(set, 2, 1);
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].images.size(), 5U);
    EXPECT_EQ(cv::norm(rows[i].images[0], originals[i].images[0], cv::NORM_INF), 0);
    EXPECT_GT(cv::norm(rows[i].images[1], rows[i].images[0], cv::NORM_INF), 0);
    EXPECT_GT(cv::norm(rows[i].images[1], rows[i].images[2], cv::NORM_INF), 0);
  }
}

TEST(ContactSheet, TakesImagesOfOtherSizesAndNames) {
  const cv::Mat sheet = drawContactSheet(
      {{"J\xc3\xb6rg", {testImage(1, 3, 2)}}, {"big", {testImage(1, 40, 50)}}, {"none", {}}},
      cv::Size(7, 5));
  EXPECT_EQ(sheet.size(), contactSheetSize(3, 1, cv::Size(7, 5)));
  EXPECT_THROW(drawContactSheet({{"none", {}}}, cv::Size(7, 5)), Error);
}

}  // namespace
}  // namespace sphereface
