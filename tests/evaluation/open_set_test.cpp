// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/open_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "tests/support/evaluation_support.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

/// Probes with many ties: genuine and right, genuine and taken for another, impostors.
std::vector<OpenSetProbe> randomProbes(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<OpenSetProbe> probes = {{0.5, true, true}, {0.5, false, false}};
  while (probes.size() < count) {
    const bool is_genuine = random.chance(0.4);
    const bool is_right = is_genuine && random.chance(0.7);
    const double score = std::round(20 * (random.uniform() + (is_right ? 0.3 : 0))) / 20;
    probes.push_back({score, is_genuine, is_right});
  }
  return probes;
}

TEST(DirAtFar, ByHand) {
  const std::vector<OpenSetProbe> probes = {
      {0.9, true, true},   {0.8, false, false}, {0.7, true, true},
      {0.7, true, false},  {0.6, true, true},   {0.6, false, false},
      {0.3, false, false}, {0.2, true, true},   {0.1, false, false}};
  const OpenSetRate none = dirAtFar(probes, 0.1);
  EXPECT_EQ(none.dir, 1 / 5.0);
  EXPECT_EQ(none.far, 0);
  EXPECT_EQ(none.threshold, 0.9);
  // One of four impostors may pass; at 0.6 there would be two.
  const OpenSetRate one = dirAtFar(probes, 0.25);
  EXPECT_EQ(one.dir, 2 / 5.0);
  EXPECT_EQ(one.far, 0.25);
  EXPECT_EQ(one.threshold, 0.7);
  EXPECT_EQ(dirAtFar(probes, 1).dir, 4 / 5.0);
  EXPECT_EQ(dirAtFar(probes, 1).threshold, 0.1);
  const std::vector<OpenSetProbe> hopeless = {{0.5, true, true}, {0.9, false, false}};
  EXPECT_EQ(dirAtFar(hopeless, 0.01).dir, 0);
  EXPECT_TRUE(std::isinf(dirAtFar(hopeless, 0.01).threshold));
}

TEST(DirAtFar, IsTheBestOfAllThresholdsByNumPy) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "no NumPy";
  const TemporaryFolder folder;
  for (const uint64_t seed : {1, 2, 3}) {
    const std::vector<OpenSetProbe> probes = randomProbes(300, seed);
    std::ostringstream lines;
    for (const OpenSetProbe& probe : probes)
      lines << probe.score << ' ' << probe.is_genuine << ' ' << probe.is_right << '\n';
    writeFileAtomically(folder / "probes.txt", lines.str());
    std::istringstream answers(runPython(folder, R"(
import sys, numpy as np
score, genuine, right = np.loadtxt(sys.argv[1]).T
genuine, right = genuine > 0, right > 0
for far in (0.001, 0.01, 0.1, 0.25, 0.5, 1):
    best = 0
    for t in np.unique(score):
        if (score[~genuine] >= t).mean() <= far:
            best = max(best, (right & (score >= t)).sum() / genuine.sum())
    print(best)
)",
                                         (folder / "probes.txt").string()));
    for (const double far : {0.001, 0.01, 0.1, 0.25, 0.5, 1.0}) {
      double expected = -1;
      ASSERT_TRUE(answers >> expected);
      EXPECT_NEAR(dirAtFar(probes, far).dir, expected, 1e-12) << far;
      EXPECT_LE(dirAtFar(probes, far).far, far);
    }
  }
}

class OpenSet : public ::testing::Test {
 protected:
  /// 40 people; person p has 1 + p % 4 images: ten of them have one only.
  static FeatureSet people(double noise) {
    FeatureSet features;
    features.dim = 32;
    features.model_sha256 = "abc";
    features.mirror = "concat";
    Random images(7);
    for (uint64_t p = 0; p < 40; ++p) {
      for (uint64_t i = 0; i <= p % 4; ++i) {
        features.names.push_back(concat("p", p, "/", i, ".jpg"));
        Random person(8, p);
        for (size_t k = 0; k < features.dim; ++k)
          features.values.push_back(static_cast<float>(person.normal() + noise * images.normal()));
      }
    }
    features.rows = features.names.size();
    return features;
  }
};

TEST_F(OpenSet, PeopleWhoLookAlikeToThemselvesAreAllFound) {
  const OpenSetResult result = evaluateOpenSet(people(0.01), {.draws = 4, .threads = 2});
  EXPECT_EQ(result.gallery_people, 15U);  // half of the 30 with two images or more
  ASSERT_EQ(result.rank1.size(), 4U);
  for (size_t draw = 0; draw < 4; ++draw) {
    EXPECT_EQ(result.rank1[draw], 1);
    for (const OpenSetResult::AtFar& at_far : result.at_far)
      EXPECT_EQ(at_far.draws[draw].dir, 1);
    // Of the 100 images one of each of the gallery's people is no probe.
    EXPECT_EQ(result.genuine[draw] + result.impostors[draw], 85U);
  }
}

TEST_F(OpenSet, SameSeedSameDrawsAndMorePhotographsFewerPeople) {
  const FeatureSet features = people(1.5);
  const OpenSetResult first = evaluateOpenSet(features, {.draws = 3, .threads = 1});
  const OpenSetResult again = evaluateOpenSet(features, {.draws = 3, .threads = 2});
  const OpenSetResult other = evaluateOpenSet(features, {.draws = 3, .seed = 2});
  EXPECT_EQ(jsonText(openSetJson(first, features)), jsonText(openSetJson(again, features)));
  EXPECT_NE(jsonText(openSetJson(first, features)), jsonText(openSetJson(other, features)));
  EXPECT_LT(first.rank1[0], 1);
  EXPECT_EQ(evaluateOpenSet(features, {.photographs = 3, .draws = 1}).gallery_people, 5U);
}

TEST_F(OpenSet, RefusesWhatCannotBeDrawn) {
  const FeatureSet features = people(1);
  for (const OpenSetOptions& options :
       {OpenSetOptions{.gallery_people = 31}, OpenSetOptions{.photographs = 4}}) {
    EXPECT_NE(errorOf([&] { evaluateOpenSet(features, options); }).find("isn't possible"),
              std::string::npos);
  }
}

TEST_F(OpenSet, ThresholdIsTakenForTheSameModelOnly) {
  const TemporaryFolder folder;
  const FeatureSet features = people(1);
  const OpenSetResult result = evaluateOpenSet(features, {});
  const Json json = openSetJson(result, features);
  const std::filesystem::path file = folder / "open.json";
  writeJsonFile(file, json);
  EXPECT_EQ(openSetThreshold(file, 0.1, "abc", "concat"), json["at_far"][2]["threshold"]["mean"]);
  // No draw has 1,000 impostors.
  EXPECT_TRUE(json["at_far"][0]["dir"]["mean"].is_null());
  EXPECT_NE(errorOf([&] {
              openSetThreshold(file, 0.001, "abc", "concat");
            }).find("no threshold for a false alarm rate of 0.001: needs 1000 scores"),
            std::string::npos);
  EXPECT_NE(errorOf([&] { openSetThreshold(file, 0.1, "abd", "concat"); }).find("the model abc"),
            std::string::npos);
  EXPECT_NE(errorOf([&] { openSetThreshold(file, 0.1, "abc", "sum"); }).find("--mirror concat"),
            std::string::npos);
  EXPECT_NE(errorOf([&] { openSetThreshold(file, 0.2, "abc", "concat"); }).find("rate 0.2"),
            std::string::npos);
  writeJsonFile(file, Json{{"accuracy_mean", 1}});
  EXPECT_NE(errorOf([&] { openSetThreshold(file, 0.1, "abc", "concat"); }).find("not a result"),
            std::string::npos);
}

}  // namespace
}  // namespace sphereface
