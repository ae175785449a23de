// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/embedder.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/temporary_folder.h"
#include "data/synth/render.h"
#include "evaluation/extract.h"
#include "tests/support/checkpoint_tools.h"

namespace sphereface {
namespace {

/// In batches of 3 the last batch is not full; extractFeatures has batches of 7.
TEST(Embedder, MakesTheFeaturesThatExtractMakes) {
  const TemporaryFolder folder;
  testing::writeUntrainedCheckpoint(folder / "checkpoint");
  std::vector<cv::Mat> faces;
  ImageSource source;
  for (uint64_t i = 0; i < 7; ++i) {
    faces.push_back(renderFace(drawIdentity(1, i), drawVariation(1, i, 0, {})));
    source.names.push_back(std::to_string(i));
  }
  source.load = [&](size_t i) { return faces[i].clone(); };
  for (const Mirror mirror : {Mirror::kNone, Mirror::kConcat, Mirror::kSum}) {
    ExtractOptions options;
    options.checkpoint = folder / "checkpoint";
    options.mirror = mirror;
    const FeatureSet expected = extractFeatures(options, source);
    options.batch = 3;
    Embedder embedder(options);
    EXPECT_EQ(embedder.dim(), expected.dim);
    const std::vector<float> features = embedder.embed(faces);
    ASSERT_EQ(features.size(), expected.values.size());
    for (size_t i = 0; i < features.size(); ++i)
      EXPECT_NEAR(features[i], expected.values[i], 1e-5F * std::abs(expected.values[i]) + 1e-6F);
    EXPECT_TRUE(embedder.embed({}).empty());
  }
}

}  // namespace
}  // namespace sphereface
