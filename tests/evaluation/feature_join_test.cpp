// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/feature_join.h"

#include <gtest/gtest.h>

#include "base/sha256.h"
#include "tests/support/evaluation_support.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

FeatureSet randomPart(size_t dim, bool reversed, uint64_t seed) {
  FeatureSet part;
  part.dim = dim;
  part.rows = 50;
  part.model_sha256 = concat("model ", seed);
  part.mirror = "concat";
  part.alignment_template = concat("patch ", seed);
  part.color_order = "BGR";
  Random random(seed);
  for (size_t i = 0; i < part.rows; ++i) {
    part.names.push_back(concat("p/", reversed ? part.rows - 1 - i : i, ".jpg"));
    for (size_t k = 0; k < dim; ++k)
      part.values.push_back(static_cast<float>(random.uniform(0.5, 3) * random.normal()));
  }
  return part;
}

TEST(FeatureJoin, PutsPartsBehindEachOtherByName) {
  const std::vector<FeatureSet> parts = {randomPart(5, false, 1), randomPart(3, true, 2)};
  const FeatureSet all = joinFeatures(parts, {"a.sff", "b.sff"}, PartLength::kAsItIs);
  EXPECT_EQ(all.names, parts[0].names);
  ASSERT_EQ(all.dim, 8U);
  for (size_t i = 0; i < all.rows; ++i) {
    for (size_t k = 0; k < 8; ++k) {
      EXPECT_EQ(all.row(i)[k], k < 5 ? parts[0].row(i)[k] : parts[1].row(49 - i)[k - 5]);
    }
  }
  EXPECT_EQ(all.model_sha256, sha256("model 1model 2"));
  EXPECT_EQ(all.mirror, "concat");
  EXPECT_EQ(all.alignment_template, "patch 1 + patch 2");
  EXPECT_EQ(all.color_order, "BGR");
}

/// Through files, so that the joined file is one that others read.
TEST(FeatureJoin, CosineOfUnitPartsIsTheMeanOfTheirCosinesByNumPy) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "no NumPy";
  const TemporaryFolder folder;
  const std::vector<FeatureSet> parts = {randomPart(5, false, 1), randomPart(3, false, 2),
                                         randomPart(4, false, 3)};
  for (size_t p = 0; p < parts.size(); ++p)
    writeFeatures(folder / concat(p, ".npy"), parts[p]);
  writeFeatures(folder / "all.npy", joinFeatures(parts, {"a", "b", "c"}, PartLength::kUnit));
  const std::string output = runPython(folder, R"(
import sys, numpy as np
def cosines(name):
    f = np.load(sys.argv[1] + '/' + name).astype(np.float64)
    f /= np.linalg.norm(f, axis=1, keepdims=True)
    return f @ f.T
mean = (cosines('0.npy') + cosines('1.npy') + cosines('2.npy')) / 3
print(np.abs(cosines('all.npy') - mean).max() < 1e-6)
)",
                                       folder.path().string());
  EXPECT_EQ(output, "True\n");
}

TEST(FeatureJoin, NamesWhatDoesNotFit) {
  const auto join = [](const FeatureSet& other, PartLength length = PartLength::kAsItIs) {
    return errorOf([&] { joinFeatures({randomPart(5, false, 1), other}, {"a", "b"}, length); });
  };
  FeatureSet other = randomPart(3, true, 2);
  EXPECT_EQ(join(other), "");
  other.names[7] = "another";
  EXPECT_EQ(join(other), "b: no feature of p/42.jpg");
  other.names[7] = other.names[8];
  EXPECT_EQ(join(other), "b: p/41.jpg is there twice");
  other = randomPart(3, true, 2);
  std::fill_n(other.values.begin(), 3, 0.0F);
  EXPECT_EQ(join(other, PartLength::kUnit),
            "b: p/49.jpg: the feature is zero and has no direction");
  other.mirror = "sum";
  EXPECT_EQ(join(other), "b was extracted with --mirror sum, a with concat");
  other.rows = 49;
  EXPECT_EQ(join(other), "b has 49 features, a 50");
}

}  // namespace
}  // namespace sphereface
