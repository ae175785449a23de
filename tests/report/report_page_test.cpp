// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The HTML pages of evaluations, as text and as a browser shows them. With SPHEREFACE_KEEP_PAGES,
// a folder, pages and screenshots stay there to be looked at.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <opencv2/core.hpp>
#include <string>

#include "base/image_file.h"
#include "evaluation/lfw_report.h"
#include "evaluation/megaface_report.h"
#include "report/html_page.h"
#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// The first series' colour of a plot, BGR.
const cv::Vec3b kPlotBlue(178, 114, 0);
/// What the test's pictures of faces are painted in, BGR.
const cv::Vec3b kFaceGreen(60, 200, 40);

size_t occurrences(const std::string& text, const std::string& word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}

/// Nothing is fetched from anywhere: every source is in the page, and there is no script or link.
void expectSelfContained(const std::string& page) {
  EXPECT_EQ(occurrences(page, "src="), occurrences(page, "src=\"data:image/"));
  for (const char* word : {"http", "<script", "<link", "url(", "href"})
    EXPECT_EQ(occurrences(page, word), 0U) << word;
}

/// The page as headless Chromium shows it; empty when there is no Chromium.
cv::Mat screenshot(const std::string& page, const std::string& name, int height) {
  if (std::system("command -v chromium >/dev/null 2>&1") != 0) return {};
  const TemporaryFolder folder;
  const char* keep = std::getenv("SPHEREFACE_KEEP_PAGES");
  const fs::path place = keep != nullptr ? fs::path(keep) : folder / "";
  const fs::path html = place / (name + ".html");
  const fs::path png = place / (name + ".png");
  writeFileAtomically(html, page);
  const std::string command =
      concat("HOME=", (folder / "").string(),
             " timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage "
             "--hide-scrollbars "
             "--window-size=1100,",
             height, " --screenshot=", png.string(), " file://", fs::absolute(html).string(),
             " >/dev/null 2>&1");
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return readImage(png);
}

int pixelsNear(const cv::Mat& picture, const cv::Vec3b& color) {
  cv::Mat mask;
  const cv::Scalar centre(color[0], color[1], color[2]);
  cv::inRange(picture, centre - cv::Scalar::all(12), centre + cv::Scalar::all(12), mask);
  return cv::countNonZero(mask);
}

cv::Mat paintedFace() {
  cv::Mat picture(112, 96, CV_8UC3, cv::Scalar::all(200));
  picture(cv::Rect(20, 20, 56, 70)) = cv::Scalar(kFaceGreen[0], kFaceGreen[1], kFaceGreen[2]);
  return picture;
}

/// Paints a picture for each image of the pairs.
void paintFaces(const fs::path& folder, const PairList& list) {
  for (const std::string& image : distinctImages(list)) {
    const fs::path file = folder / (image + ".png");
    fs::create_directories(file.parent_path());
    writeFileAtomically(file, encodePng(paintedFace()));
  }
}

TEST(HtmlPage, TextsAreEscapedAndPicturesAreInIt) {
  HtmlPage page("a < b & \"c\"", "x > y");
  page.table({"<th>"}, {{"<td>"}});
  page.picture(cv::Mat(3, 3, CV_8UC3, cv::Scalar::all(7)), "nine pixels");
  const std::string text = page.text();
  EXPECT_EQ(occurrences(text, "a &lt; b &amp; &quot;c&quot;"), 2U);
  EXPECT_EQ(occurrences(text, "&lt;td&gt;"), 1U);
  // The signature every PNG begins with, in base64.
  EXPECT_EQ(occurrences(text, "data:image/png;base64,iVBORw0KGgo"), 1U);
  expectSelfContained(text);
}

TEST(HardPairs, AreTheWrongOnesFarthestFromTheirThresholdFirst) {
  PairList list;
  list.folds = 2;
  LfwResult result;
  result.rule = verificationRule("insightface");
  result.fold_threshold = {1.0, 2.0};
  const auto add = [&](size_t fold, bool same, double distance) {
    list.pairs.push_back({"a", "b", fold, same});
    result.values.push_back(distance);
    result.same.push_back(same);
  };
  add(0, true, 0.9);    // right
  add(0, true, 1.25);   // rejected
  add(1, true, 1.9);    // right
  add(1, true, 3.0);    // rejected, farther
  add(0, false, 0.5);   // accepted
  add(1, false, 2.0);   // on the threshold: rejected, right
  add(1, false, 1.75);  // accepted, nearer
  const HardPairs hard = hardPairs(result, list);
  ASSERT_EQ(hard.false_rejects.size(), 2U);
  EXPECT_EQ(hard.false_rejects[0].pair, 3U);
  EXPECT_EQ(hard.false_rejects[0].threshold, 2.0);
  EXPECT_EQ(hard.false_rejects[1].pair, 1U);
  ASSERT_EQ(hard.false_accepts.size(), 2U);
  EXPECT_EQ(hard.false_accepts[0].pair, 4U);
  EXPECT_EQ(hard.false_accepts[1].pair, 6U);
}

TEST(LfwPage, ShowsNumbersCurvesAndTheWrongPairs) {
  const TemporaryFolder folder;
  const PairList list = randomPairs(10, 60, 30, 3);
  const FeatureSet features = randomFeatures(list, 24, 1.3, 3);
  paintFaces(folder / "faces", list);
  const LfwResult result = evaluateLfw(verificationRule("sphereface"), list, features, 2);
  ASSERT_LT(result.accuracy_mean, 1.0);
  const std::string page = lfwPage(result, list, features, "random features",
                                   namedImages(folder / "faces", distinctImages(list)));
  expectSelfContained(page);
  const HardPairs hard = hardPairs(result, list);
  EXPECT_EQ(occurrences(page, concat("False accepts: ", hard.false_accepts.size())), 1U);
  const size_t shown = std::min<size_t>(12, hard.false_accepts.size()) +
                       std::min<size_t>(12, hard.false_rejects.size());
  EXPECT_EQ(occurrences(page, "data:image/jpeg"), 2 * shown);
  EXPECT_EQ(occurrences(page, "data:image/png"), 2U);
  EXPECT_EQ(occurrences(page, list.pairs[hard.false_accepts[0].pair].left + " and "), 1U);
  const cv::Mat seen = screenshot(page, "lfw", 3000);
  if (seen.empty()) GTEST_SKIP() << "no chromium: not looked at";
  EXPECT_GT(pixelsNear(seen, kPlotBlue), 500);
  EXPECT_GT(pixelsNear(seen, kFaceGreen), 20000);
}

TEST(LfwPage, DoesWithoutPicturesAndWithoutWrongPairs) {
  const PairList list = randomPairs(4, 20, 10, 3);
  const FeatureSet features = randomFeatures(list, 24, 0.01, 3);
  const LfwResult result = evaluateLfw(verificationRule("best"), list, features, 2);
  const std::string page = lfwPage(result, list, features, "random features", ImageSource());
  EXPECT_EQ(occurrences(page, "False accepts: 0"), 1U);
  EXPECT_EQ(occurrences(page, "data:image/jpeg"), 0U);
  EXPECT_EQ(occurrences(page, "optimistic"), 1U);
}

TEST(MegafacePage, ShowsTheCurvesOfAllRuns) {
  constexpr size_t kDim = 32;
  Random random(4);
  MegafaceList list;
  list.file = "probes.json";
  std::map<std::string, std::vector<float>> people;
  std::vector<std::vector<float>> rows;
  const auto draw = [&] {
    std::vector<float> row;
    while (row.size() < kDim)
      row.push_back(static_cast<float>(random.normal()));
    return row;
  };
  for (size_t i = 0; i < 120; ++i) {
    list.paths.push_back(concat(i));
    list.ids.push_back(concat("person ", i / 6));
    people.try_emplace(list.ids.back(), draw());
    rows.push_back(people[list.ids.back()]);
    for (float& x : rows.back())
      x += static_cast<float>(1.1 * random.normal());
  }
  const auto source = [&](size_t first, size_t count) {
    FeatureSource features;
    features.dim = kDim;
    for (size_t i = 0; i < count; ++i)
      features.names.push_back(concat(i));
    features.read = [&rows, first](size_t begin, size_t n, float* out) {
      for (size_t i = 0; i < n; ++i)
        out = std::copy(rows[first + begin + i].begin(), rows[first + begin + i].end(), out);
    };
    return features;
  };
  for (size_t i = 0; i < 5000; ++i)
    rows.push_back(draw());
  const Scorer scorer(Similarity::kCosine, kDim);
  const MegafaceProbes probes = prepareProbes(scorer, list, source(0, 120));
  std::vector<MegafaceRun> runs;
  RankGroup alone;
  for (const size_t count : {50, 500, 5000}) {
    runs.push_back({concat("megaface_features_list.json_", count, "_1"),
                    "",
                    count,
                    false,
                    evaluateMegaface(scorer, probes, source(120, count), {.threads = 2}, alone),
                    {}});
  }
  const MegafaceSetting setting{"probes.json", "abc", false, kDim, ""};
  EXPECT_EQ(occurrences(megafacePage(runs, setting, {}), "data:image/jpeg"), 0U);
  const TemporaryFolder folder;
  const MegafaceImages images{folder / "probes", folder / "distractors"};
  fs::create_directory(images.probes);
  fs::create_directory(images.distractors);
  for (const ScoredPair& pair : runs.back().result.nearest_distractors) {
    writeFileAtomically(images.probes / pair.left, encodePng(paintedFace()));
    writeFileAtomically(images.distractors / pair.right, encodePng(paintedFace()));
  }
  for (const ScoredPair& pair : runs.back().result.farthest_mates) {
    writeFileAtomically(images.probes / pair.left, encodePng(paintedFace()));
    writeFileAtomically(images.probes / pair.right, encodePng(paintedFace()));
  }
  const std::string page = megafacePage(runs, setting, images);
  EXPECT_EQ(occurrences(page, "data:image/jpeg"), 48U);
  expectSelfContained(page);
  EXPECT_EQ(occurrences(page, "data:image/png"), 3U);
  EXPECT_EQ(occurrences(page, "megaface_features_list.json_500_1"), 1U);
  const cv::Mat seen = screenshot(page, "megaface", 3700);
  if (seen.empty()) GTEST_SKIP() << "no chromium: not looked at";
  EXPECT_GT(pixelsNear(seen, kPlotBlue), 500);
  EXPECT_GT(pixelsNear(seen, kFaceGreen), 20000);
}

}  // namespace
}  // namespace sphereface
