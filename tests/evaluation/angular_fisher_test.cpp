// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/angular_fisher.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

FeatureSet planeFeatures(const std::vector<std::string>& names, const std::vector<float>& values) {
  FeatureSet features;
  features.names = names;
  features.rows = names.size();
  features.dim = 2;
  features.values = values;
  return features;
}

/// Class a: (1, 0) and (0, 1), mean at 45 degrees; class b: (1, -1), once. The mean of all is
/// (2, 0) / 3, 45 degrees from both.
TEST(AngularFisher, IsTheFormulaOnAnExampleWorkedByHand) {
  const FeatureSet features = planeFeatures({"a/1.jpg", "a/2.jpg", "b/1.jpg"}, {1, 0, 0, 1, 1, -1});
  const AngularFisher result = angularFisher(features, 2);
  const double half = std::sqrt(0.5);
  EXPECT_NEAR(result.within, 2 * (1 - half), 1e-12);
  EXPECT_NEAR(result.between, 3 * (1 - half), 1e-12);
  EXPECT_NEAR(result.score, 2.0 / 3, 1e-12);
  EXPECT_EQ(result.classes, 2U);
  ASSERT_EQ(result.intra_class.size(), 2U);
  EXPECT_NEAR(result.intra_class[0], 45, 1e-9);
  ASSERT_EQ(result.inter_class.size(), 1U);
  EXPECT_NEAR(result.inter_class[0], 90, 1e-9);
  const Json json = fisherJson(result, features);
  EXPECT_NEAR(json.at("angular_fisher_score").get<double>(), 2.0 / 3, 1e-12);
  EXPECT_NEAR(json.at("intra_class_degrees").at("mean").get<double>(), 45, 1e-9);
  EXPECT_NE(fisherTable(result).find("0.6667"), std::string::npos);
  const std::string page = fisherPage(result, features, "an example");
  EXPECT_NE(page.find("0.6667"), std::string::npos);
  EXPECT_NE(page.find("data:image/png"), std::string::npos);
}

TEST(AngularFisher, AgreesWithNumpy) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "SPHEREFACE_PYTHON names no Python with numpy";
  const TemporaryFolder folder;
  FeatureSet features = randomFeatures(randomPairs(5, 20, 12, 4), 33, 0.8, 4);
  features.names[0] = "alone/1.jpg";
  writeFeatures(folder / "f.npy", features);
  const std::string script = R"(
import json, sys
import numpy as np
x = np.load(sys.argv[1] + "/f.npy").astype(np.float64)
names = json.load(open(sys.argv[1] + "/f.npy.json"))["names"]
label = np.array([n.rsplit("/", 1)[0] for n in names])
cos = lambda a, b: (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
within = between = 0
intra, means = [], []
for c in np.unique(label):
    own = x[label == c]
    means.append(own.mean(0))
    within += (1 - cos(own, means[-1])).sum()
    between += len(own) * (1 - cos(means[-1], x.mean(0)))
    if len(own) > 1: intra += list(np.degrees(np.arccos(cos(own, means[-1]))))
m = np.array(means)
inter = [np.degrees(np.arccos(cos(m[i], m[j]))) for i in range(len(m)) for j in range(i)]
print("%.17g %.17g %.17g" % (within, between, within / between))
print("%.17g %.17g %d %d" % (np.mean(intra), np.mean(inter), len(intra), len(inter)))
)";
  std::istringstream theirs(runPython(folder, script, (folder / "").string()));
  const auto next = [&] {
    double value = -1;
    theirs >> value;
    return value;
  };
  const AngularFisher ours = angularFisher(features, 2);
  EXPECT_NEAR(ours.within, next(), 1e-9);
  EXPECT_NEAR(ours.between, next(), 1e-9);
  EXPECT_NEAR(ours.score, next(), 1e-9);
  const Json json = fisherJson(ours, features);
  for (const char* kind : {"intra_class_degrees", "inter_class_degrees"})
    EXPECT_NEAR(json.at(kind).at("mean").get<double>(), next(), 1e-9);
  for (const char* kind : {"intra_class_degrees", "inter_class_degrees"})
    EXPECT_EQ(json.at(kind).at("count").get<double>(), next());
}

TEST(AngularFisher, NamesWhatItCannotUse) {
  const auto expect = [](const FeatureSet& features, const std::string& words) {
    try {
      angularFisher(features, 1);
      ADD_FAILURE() << "was accepted, expected: " << words;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  };
  expect(planeFeatures({"a/1", "a/2"}, {1, 0, 0, 1}), "two classes or more, got 1");
  expect(planeFeatures({"a/1", "b/2"}, {1, 0, 0, 1}), "no class has two features");
  expect(planeFeatures({"a/1", "2", "b/1"}, {1, 0, 0, 1, 1, 1}), "feature 1 (2) is in no folder");
  expect(planeFeatures({"a/1", "a/2", "b/1"}, {1, 0, 0, 0, 1, 1}), "feature 1 (a/2) is zero");
  expect(planeFeatures({"a/1", "a/2", "b/1"}, {1, 0, -1, 0, 1, 1}), "mean of class a is zero");
}

}  // namespace
}  // namespace sphereface
