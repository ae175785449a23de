// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/face_gallery.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

TEST(FaceGallery, BestAndRunnerUpByHand) {
  FaceGallery gallery(2);
  gallery.add("east", std::vector<float>{5, 0});
  EXPECT_EQ(gallery.match(std::vector<float>{0, 1}).person, 0U);
  EXPECT_FALSE(gallery.match(std::vector<float>{0, 1}).runner_up);
  // Each photograph counts the same, whatever its length: the mean points north-east.
  gallery.add("north-east", std::vector<float>{9, 0, 0, 1});
  gallery.add("east again", std::vector<float>{1, 0});
  const Match match = gallery.match(std::vector<float>{2, 0});
  EXPECT_EQ(match.person, 0U);
  EXPECT_FLOAT_EQ(static_cast<float>(match.score), 1);
  EXPECT_EQ(match.runner_up, 2U);
  const Match north = gallery.match(std::vector<float>{0, 3});
  EXPECT_EQ(gallery.name(north.person), "north-east");
  EXPECT_NEAR(north.score, std::sqrt(0.5), 1e-6);
  EXPECT_NEAR(north.runner_up_score, 0, 1e-6);
}

TEST(FaceGallery, NamesWhoHasNoDirection) {
  FaceGallery gallery(2);
  try {
    gallery.add("nobody", std::vector<float>{1, 0, -1, 0});
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("nobody"), std::string::npos) << e.what();
  }
}

/// 150 people are more than two panels of the scorer.
TEST(FaceGallery, AgreesWithNumPy) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "no NumPy";
  constexpr size_t kPeople = 150;
  constexpr size_t kPhotographs = 3;
  constexpr size_t kProbes = 40;
  const TemporaryFolder folder;
  FeatureSet features;
  features.dim = 37;
  features.rows = kPeople * kPhotographs + kProbes;
  Random random(5);
  for (size_t i = 0; i < features.rows; ++i) {
    features.names.push_back(std::to_string(i));
    const double length = random.uniform(0.1, 10);
    for (size_t k = 0; k < features.dim; ++k)
      features.values.push_back(static_cast<float>(length * random.normal()));
  }
  writeFeatures(folder / "features.npy", features);
  FaceGallery gallery(features.dim);
  for (size_t person = 0; person < kPeople; ++person) {
    const size_t numbers = kPhotographs * features.dim;
    gallery.add(std::to_string(person),
                std::span<const float>(features.values).subspan(person * numbers, numbers));
  }
  std::istringstream answers(runPython(folder,
                                       concat(R"(
import sys, numpy as np
f = np.load(sys.argv[1]).astype(np.float64)
unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)
people = unit(unit(f[:)",
                                              kPeople * kPhotographs, "]).reshape(", kPeople, ", ",
                                              kPhotographs, R"(, -1).mean(axis=1))
for score in unit(f[)",
                                              kPeople * kPhotographs, R"(:]) @ people.T:
    first, second = np.argsort(-score)[:2]
    print(first, score[first], second, score[second])
)"),
                                       (folder / "features.npy").string()));
  std::vector<size_t> rows;
  for (size_t probe = 0; probe < kProbes; ++probe)
    rows.push_back(kPeople * kPhotographs + probe);
  const std::vector<Match> together = gallery.matchAll(features, rows, 2);
  ASSERT_EQ(together.size(), kProbes);
  for (size_t probe = 0; probe < kProbes; ++probe) {
    size_t first = 0;
    size_t second = 0;
    double score = 0;
    double second_score = 0;
    ASSERT_TRUE(answers >> first >> score >> second >> second_score);
    const Match match = gallery.match(features.row(kPeople * kPhotographs + probe));
    EXPECT_EQ(match.person, first);
    EXPECT_NEAR(match.score, score, 1e-5);
    EXPECT_EQ(match.runner_up, second);
    EXPECT_NEAR(match.runner_up_score, second_score, 1e-5);
    EXPECT_EQ(together[probe].person, match.person);
    EXPECT_EQ(together[probe].score, match.score);
    EXPECT_EQ(together[probe].runner_up, match.runner_up);
    EXPECT_EQ(together[probe].runner_up_score, match.runner_up_score);
  }
}

}  // namespace
}  // namespace sphereface
