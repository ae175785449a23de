// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/synth/synth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "base/image_file.h"
#include "base/image_folder.h"
#include "data/align/alignment_template.h"
#include "data/synth/render.h"
#include "data/synth/synth_pairs.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

SynthOptions smallSet(const fs::path& out) {
  SynthOptions options;
  options.out = out;
  options.identities = 5;
  options.images_per_identity = 3;
  options.seed = 11;
  options.threads = 1;
  return options;
}

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const fs::path& name : listImages(folder).images)
    files[name.string()] = readFile(folder / name);
  return files;
}

TEST(Synth, DependsOnSeedIdentityAndImageAlone) {
  const TemporaryFolder folder;
  writeSyntheticFaces(smallSet(folder / "one"));
  SynthOptions options = smallSet(folder / "threads");
  options.threads = 4;
  writeSyntheticFaces(options);
  const auto one = contents(folder / "one");
  EXPECT_EQ(one.size(), 15U);
  EXPECT_EQ(contents(folder / "threads"), one);

  options = smallSet(folder / "part");
  options.first_identity = 2;
  options.identities = 2;
  options.images_per_identity = 2;
  writeSyntheticFaces(options);
  const auto part = contents(folder / "part");
  EXPECT_EQ(part.size(), 4U);
  for (const auto& [name, bytes] : part)
    EXPECT_EQ(bytes, one.at(name)) << name;

  options = smallSet(folder / "seed");
  options.seed = 12;
  writeSyntheticFaces(options);
  const auto other = contents(folder / "seed");
  for (const auto& [name, bytes] : other)
    EXPECT_NE(bytes, one.at(name)) << name;
}

TEST(Synth, WritesAlignedFacesUnderLfwNames) {
  const TemporaryFolder folder;
  writeSyntheticFaces(smallSet(folder / "faces/"));
  const cv::Mat face = readImage(folder / "faces/id_00004/id_00004_0003.jpg");
  EXPECT_EQ(face.rows, kAlignedHeight);
  EXPECT_EQ(face.cols, kAlignedWidth);
  EXPECT_FALSE(fs::exists(folder / "faces.partial"));
  EXPECT_TRUE(contains(errorOf([&] { writeSyntheticFaces(smallSet(folder / "faces")); }),
                       "exists and is not empty"));
}

/// Without any nuisance the whites of the eyes and the lips lie at the template's points.
TEST(Synth, FacesLieOnTheAlignmentTemplate) {
  const FivePoints points = alignmentTemplate();
  FaceVariation picture;
  picture.focal = 1e6;
  picture.light = cv::Vec3f(0, 0, 1);
  picture.gain = Color::all(1);
  for (uint64_t number = 0; number < 10; ++number) {
    FaceIdentity face = drawIdentity(3, number);
    face.iris = Color(255, 0, 255);
    face.glasses = false;
    face.fringe = 0;
    const cv::Mat image = renderFace(face, picture);
    for (size_t eye = 0; eye < 2; ++eye) {
      int magenta = 0;
      for (int y = -4; y <= 4; ++y) {
        for (int x = -4; x <= 4; ++x) {
          const auto& color =
              image.at<cv::Vec3b>(cvRound(points[eye].y) + y, cvRound(points[eye].x) + x);
          if (color[0] > color[1] + 60 && color[2] > color[1] + 60) ++magenta;
        }
      }
      EXPECT_GT(magenta, 4) << "identity " << number << ", eye " << eye;
    }
  }
}

struct PairLine {
  std::string one, other;
  int i = 0;
  int j = 0;
};

std::vector<PairLine> readPairs(const std::string& text, uint64_t& folds, uint64_t& pairs) {
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  std::istringstream(line) >> folds >> pairs;
  std::vector<PairLine> lines;
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    PairLine pair;
    if (std::count(line.begin(), line.end(), '\t') == 2) {
      fields >> pair.one >> pair.i >> pair.j;
      pair.other = pair.one;
    } else {
      fields >> pair.one >> pair.i >> pair.other >> pair.j;
    }
    EXPECT_FALSE(fields.fail()) << line;
    lines.push_back(pair);
  }
  return lines;
}

TEST(SynthPairs, AreLfwsFormatWithDisjointFolds) {
  const PairsOptions options{.identities = 43,
                             .first_identity = 1000,
                             .images_per_identity = 6,
                             .seed = 4,
                             .folds = 10,
                             .pairs_per_fold = 30};
  const std::string text = makePairs(options);
  EXPECT_EQ(text.substr(0, 6), "10\t30\n");
  EXPECT_EQ(makePairs(options), text);
  uint64_t folds = 0;
  uint64_t pairs = 0;
  const std::vector<PairLine> lines = readPairs(text, folds, pairs);
  ASSERT_EQ(lines.size(), 600U);
  std::map<std::string, size_t> fold_of;
  std::set<std::string> seen;
  for (size_t k = 0; k < lines.size(); ++k) {
    const PairLine& line = lines[k];
    EXPECT_EQ(line.one == line.other, k % 60 < 30);
    for (const std::string& name : {line.one, line.other}) {
      EXPECT_EQ(fold_of.emplace(name, k / 60).first->second, k / 60) << name;
      EXPECT_GE(name, "id_01000");
      EXPECT_LE(name, "id_01042");
    }
    for (const int image : {line.i, line.j}) {
      EXPECT_GE(image, 1);
      EXPECT_LE(image, 6);
    }
    EXPECT_TRUE(line.one != line.other || line.i != line.j);
    EXPECT_TRUE(seen.insert(concat(line.one, line.i, line.other, line.j)).second);
  }
}

TEST(SynthPairs, TakesAsManyAsThereAre) {
  PairsOptions options{.identities = 20,
                       .first_identity = 0,
                       .images_per_identity = 3,
                       .seed = 1,
                       .folds = 10,
                       .pairs_per_fold = 300};
  EXPECT_EQ(pairsPerFold(options), 6U);  // 2 people of 3 images: 6 matched, 9 mismatched pairs
  uint64_t folds = 0;
  uint64_t pairs = 0;
  EXPECT_EQ(readPairs(makePairs(options), folds, pairs).size(), 120U);
  options.identities = 19;
  EXPECT_THROW(makePairs(options), UsageError);
  options.identities = 20;
  options.images_per_identity = 1;
  EXPECT_THROW(makePairs(options), UsageError);
}

}  // namespace
}  // namespace sphereface
