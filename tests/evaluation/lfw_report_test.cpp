// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/lfw_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <opencv2/core.hpp>

#include "base/image_file.h"
#include "base/sha256.h"
#include "evaluation/extract.h"
#include "report/numbers.h"
#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

TEST(LfwReport, JsonHasTheFieldsThatProgramsReadInFractions) {
  const PairList list = randomPairs(10, 6, 5, 1);
  FeatureSet features = randomFeatures(list, 8, 1.0, 1);
  features.model_sha256 = sha256("model");
  const LfwResult result = evaluateLfw(verificationRule("sphereface"), list, features, 1);
  const Json json = parseJson(jsonText(lfwJson(result, list, features)));
  EXPECT_EQ(json.at("protocol"), "sphereface");
  EXPECT_EQ(json.at("pairs"), 120);
  EXPECT_EQ(json.at("model_sha256"), sha256("model"));
  EXPECT_EQ(json.at("fold_accuracy").size(), 10U);
  for (const char* key : {"accuracy_mean", "accuracy_std", "auc", "eer"}) {
    ASSERT_TRUE(json.at(key).is_number()) << key;
    EXPECT_GE(json.at(key), 0.0) << key;
    EXPECT_LE(json.at(key), 1.0) << key;
  }
  EXPECT_EQ(json.at("accuracy_mean").get<double>(), result.accuracy_mean);
  // 60 pairs of different people.
  EXPECT_TRUE(json.at("tar_at_far").at("1e-2").is_null());
  EXPECT_TRUE(json.at("tar_at_far_interval").at("1e-2").is_null());
  EXPECT_EQ(json.at("reasons").at("tar_at_far.1e-2"),
            "needs 100 scores of different people, has 60");
  EXPECT_NE(json.at("warnings").at(0).text().find("listed again: "), std::string::npos);

  const PairList more = randomPairs(10, 100, 5, 1);
  const FeatureSet alike = randomFeatures(more, 8, 1.0, 1);
  const LfwResult told = evaluateLfw(verificationRule("sphereface"), more, alike, 1);
  const Json rates = lfwJson(told, more, alike);
  EXPECT_EQ(rates.at("tar_at_far").at("1e-3").get<double>(), told.tar_at_far_1e3);
  EXPECT_LE(rates.at("tar_at_far_interval").at("1e-3")[0].get<double>(), told.tar_at_far_1e3);
  EXPECT_TRUE(rates.at("tar_at_far").at("1e-4").is_null());
}

/// Mann-Whitney's statistic of many samples varies as the area's interval says.
TEST(LfwReport, TheAreasIntervalIsAsWideAsSamplesDiffer) {
  std::vector<double> areas;
  double width = 0;
  constexpr uint64_t kSamples = 200;
  for (uint64_t sample = 0; sample < kSamples; ++sample) {
    LfwResult result;
    Random random(sample);
    std::vector<double> same;
    std::vector<double> different;
    for (int i = 0; i < 150; ++i) {
      same.push_back(random.normal() + 1.2);
      different.push_back(random.normal());
    }
    result.roc = rocCurve(same, different);
    result.auc = rocArea(result.roc);
    result.scores = {150, 150, false};
    areas.push_back(result.auc);
    const Json interval = lfwJson(result, {}, {}).at("auc_interval");
    width += interval[1].get<double>() - interval[0].get<double>();
  }
  EXPECT_NEAR(width / kSamples / (2 * 1.96 * spreadOf(areas).deviation), 1, 0.15);
}

TEST(LfwReport, TableHasALinePerFoldAndTheMeanInPercent) {
  const PairList list = randomPairs(4, 6, 5, 1);
  const FeatureSet features = randomFeatures(list, 32, 0.01, 1);
  const std::string table =
      lfwTable(evaluateLfw(verificationRule("sphereface"), list, features, 1), features);
  EXPECT_NE(table.find("48 pairs"), std::string::npos) << table;
  EXPECT_NE(table.find("     4   100.00 %"), std::string::npos) << table;
  EXPECT_NE(table.find("  mean   100.00 %   +- 0.00 %"), std::string::npos) << table;
  EXPECT_EQ(table.find("without a direction"), std::string::npos) << table;
}

TEST(LfwReport, WritesBothPicturesAlsoWhenAllScoresAreEqual) {
  const TemporaryFolder folder;
  const PairList list = randomPairs(3, 6, 5, 1);
  FeatureSet features = randomFeatures(list, 8, 1.0, 1);
  for (const bool equal : {false, true}) {
    if (equal) std::fill(features.values.begin(), features.values.end(), 1.0F);
    const LfwResult result = evaluateLfw(verificationRule("sphereface"), list, features, 1);
    writeLfwPlots(folder / "new/plots", result, "random features");
    EXPECT_GT(readImage(folder / "new/plots/lfw_roc.png").cols, 0);
    EXPECT_GT(readImage(folder / "new/plots/lfw_scores.png").cols, 0);
  }
}

void writeGrey(const std::filesystem::path& path, int width, int height, int value) {
  std::filesystem::create_directories(path.parent_path());
  cv::Mat image(height, width, CV_8UC3, cv::Scalar::all(value));
  image.at<cv::Vec3b>(0, 1) = cv::Vec3b(255, 255, 255);
  writeFileAtomically(path, encodePng(image));
}

TEST(PixelBaseline, FeaturesAreTheGreyPixelsRowByRow) {
  const TemporaryFolder folder;
  writeGrey(folder / "Ann/Ann_0001.png", 96, 112, 7);
  writeGrey(folder / "Bob/Bob_0002.png", 96, 112, 9);
  writeGrey(folder / "Cid/Cid_0001.png", 250, 250, 9);
  const std::vector<std::string> images = {"Bob/Bob_0002", "Ann/Ann_0001"};
  const FeatureSet features = pixelFeatures(namedImages(folder / "", images), 2);
  EXPECT_EQ(features.names, (std::vector<std::string>{"Bob/Bob_0002.png", "Ann/Ann_0001.png"}));
  EXPECT_EQ(features.dim, 112U * 96U);
  EXPECT_EQ(features.row(0)[0], 9.0F);
  EXPECT_EQ(features.row(0)[1], 255.0F);
  EXPECT_EQ(features.row(1)[96], 7.0F);
  EXPECT_EQ(features.model_sha256, "");
}

TEST(PixelBaseline, RefusesUnalignedAndMissingImages) {
  const TemporaryFolder folder;
  writeGrey(folder / "Cid/Cid_0001.png", 250, 112, 9);
  const auto message = [&](const std::string& image) -> std::string {
    try {
      pixelFeatures(namedImages(folder / "", std::vector<std::string>{image}), 1);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(message("Cid/Cid_0001").find("250x112"), std::string::npos);
  EXPECT_NE(message("Cid/Cid_0002").find("1 are missing"), std::string::npos);
}

}  // namespace
}  // namespace sphereface
