// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kernels/cpu/cpu_trunk.h"
#include "kernels/cpu/onednn.h"
#include "kernels/engine.h"
#include "kernels/reference/reference_trunk.h"
#include "tests/support/network_support.h"

namespace sphereface {
namespace {

using testing::customNetwork;
using testing::randomFloats;
using testing::randomImages;
using testing::randomParameters;
using testing::relativeDifference;
using testing::trunkOf;

TEST(ReferenceTrunk, GradientEqualsFiniteDifferences) {
  const Network network = customNetwork(7, 5, 3, {{2, 2}, {3, 1}});
  const std::vector<float> start = randomParameters(network, 1701);
  std::vector<double> parameters(start.begin(), start.end());
  const std::vector<uint8_t> images = randomImages(network, 2, 1);
  const std::vector<float> weights = randomFloats(6, 2);
  const std::vector<double> d_embeddings(weights.begin(), weights.end());
  auto loss = [&] {
    const auto state = reference::forward(network, images, parameters, 2);
    double sum = 0;
    for (size_t k = 0; k < d_embeddings.size(); ++k)
      sum += d_embeddings[k] * state.embeddings[k];
    return sum;
  };
  const auto state = reference::forward(network, images, parameters, 2);
  const auto gradients = reference::backward(network, state, d_embeddings, parameters, 2);
  const double h = 1e-6;
  for (const Parameter& p : network.parameters) {
    for (size_t k = p.offset; k < p.offset + p.count; ++k) {
      if (p.learning_rate_mult == 0) {
        EXPECT_EQ(gradients[k], 0) << p.name << " isn't trained";
        continue;
      }
      const double kept = parameters[k];
      parameters[k] = kept + h;
      const double above = loss();
      parameters[k] = kept - h;
      const double below = loss();
      parameters[k] = kept;
      EXPECT_NEAR(gradients[k], (above - below) / (2 * h), 1e-6) << p.name;
    }
  }
}

struct TrunkCase {
  int height;
  int width;
  int embedding;
  int batch;
  std::vector<StageRow> stages;
};

class FastTrunk : public ::testing::TestWithParam<int> {};

const std::vector<TrunkCase> kTrunkCases = {
    {7, 5, 3, 1, {{1, 1}}},
    {9, 13, 13, 3, {{3, 2}, {13, 1}}},
    {16, 12, 32, 2, {{16, 1}, {32, 2}}},
    {13, 16, 127, 5, {{24, 2}, {40, 0}, {16, 1}}},
};

void compareWithReference(const TrunkCase& c, Precision precision, double tolerance) {
  const bool fp32 = precision == Precision::kFp32;
  auto difference = [fp32](const auto& got, const auto& want) {
    return fp32 ? relativeDifference(got, want) : testing::relativeNorm(got, want);
  };
  const Network network = customNetwork(c.height, c.width, c.embedding, c.stages);
  const std::vector<float> parameters = randomParameters(network, 3);
  const std::vector<uint8_t> images = randomImages(network, c.batch, 4);
  const auto rows = static_cast<size_t>(c.batch) * static_cast<size_t>(c.embedding);
  const std::vector<float> d_embeddings = randomFloats(rows, 8);

  const std::vector<double> parameters64(parameters.begin(), parameters.end());
  const auto state = reference::forward(network, images, parameters64, c.batch);
  std::vector<double> want = reference::backward(
      network, state, std::vector<double>(d_embeddings.begin(), d_embeddings.end()), parameters64,
      c.batch);

  EngineOptions options;
  options.network = network;
  options.batch = c.batch;
  options.precision = precision;
  std::vector<float> gradients(network.parameter_count);
  CpuTrunk trunk(options, parameters.data(), gradients.data());
  std::vector<float> embeddings(rows);
  trunk.forward(images.data(), embeddings.data());
  EXPECT_LT(difference(embeddings, state.embeddings), tolerance);

  // A second backward added to the first makes twice the gradient.
  for (const bool accumulate : {false, true}) {
    trunk.backward(d_embeddings.data(), accumulate, [](size_t) {});
    for (const Parameter& p : network.parameters) {
      const std::span<const float> got(gradients.data() + p.offset, p.count);
      const std::span<const double> expected(want.data() + p.offset, p.count);
      EXPECT_LT(difference(got, expected), (fp32 ? 5 : 10) * tolerance) << p.name;
    }
    for (double& value : want)
      value *= 2;
  }

  // Without training, the same embeddings from three activations' memory.
  CpuTrunk inference(options, parameters.data(), nullptr);
  std::vector<float> again(rows);
  inference.forward(images.data(), again.data());
  EXPECT_LT(difference(again, embeddings), fp32 ? 1e-6 : tolerance);
}

TEST_P(FastTrunk, Fp32EqualsReference) {
  compareWithReference(kTrunkCases.at(static_cast<size_t>(GetParam())), Precision::kFp32, 1e-5);
}

TEST_P(FastTrunk, Bf16EqualsReferenceToItsPrecision) {
  if (!onednn::hasFastBf16()) GTEST_SKIP() << "this processor has no bfloat16 instructions";
  compareWithReference(kTrunkCases.at(static_cast<size_t>(GetParam())), Precision::kBf16, 0.02);
}

INSTANTIATE_TEST_SUITE_P(OddShapes, FastTrunk, ::testing::Range(0, 4));

TEST(NetworkTable, AgreesWithPublishedSizes) {
  struct Row {
    const char* name;
    size_t convs;
    double gmac;
    double million_parameters;
  };
  for (const Row& row : {Row{"sphereface-4", 4, 0.164, 12.6},
                         {"sphereface-20", 20, 1.750, 22.67},
                         {"sphereface-36", 36, 3.335, 32.8},
                         {"sphereface-64", 64, 6.110, 48.2},
                         {"sphereface-64-released", 62, 5.912, 47.9}}) {
    const Network network = buildNetwork(NetworkTable{.name = row.name});
    EXPECT_EQ(network.convs.size(), row.convs) << row.name;
    EXPECT_NEAR(static_cast<double>(multiplyAdds(network)) / 1e9, row.gmac, 6e-4) << row.name;
    EXPECT_NEAR(static_cast<double>(network.parameter_count) / 1e6, row.million_parameters, 0.06)
        << row.name;
  }
}

TEST(NetworkTable, RefusesUnknownNamesAndImpossibleTables) {
  EXPECT_THROW(buildNetwork(NetworkTable{.name = "sphereface-21"}), UsageError);
  EXPECT_THROW(buildNetwork(NetworkTable{.name = "custom"}), UsageError) << "no stage";
}

TEST(GoldenActivations, MatchThePublishedImplementation) {
  SPHEREFACE_NEEDS(sharedFolder() / "golden" / "net");
  const std::filesystem::path folder = sharedFolder() / "golden" / "net";
  const testing::GoldenFile golden = testing::readGolden(folder / "mini_run_a.sfg");
  const testing::GoldenFile inputs = testing::readGolden(folder / "mini_inputs.sfg");
  const Network network = testing::goldenNetwork();
  const std::vector<double> init =
      trunkOf(testing::readGolden(folder / "mini_init.sfg"), "init/", network);
  const std::vector<float> parameters(init.begin(), init.end());
  const std::vector<double>& bytes = inputs.at("images_u8").values;
  const std::vector<uint8_t> images(
      bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(8 * network.imageBytes()));
  EngineOptions options;
  options.network = network;
  options.batch = 8;
  std::vector<float> gradients(network.parameter_count);
  CpuTrunk trunk(options, parameters.data(), gradients.data());
  std::vector<float> embeddings(8 * 32);
  trunk.forward(images.data(), embeddings.data());
  EXPECT_LT(relativeDifference(embeddings, golden.at("act0/fc5").values), 1e-5);
  int compared = 0;
  for (size_t i = 0; i < network.convs.size(); ++i) {
    const ConvLayer& conv = network.convs[i];
    const std::string blob =
        (conv.residual_from < 0 ? "act0/conv" : "act0/res") + conv.name.substr(4);
    if (!golden.contains(blob)) continue;
    std::vector<float> activation(golden.at(blob).values.size());
    trunk.copyActivation(static_cast<int>(i), activation.data());
    EXPECT_LT(relativeDifference(activation, golden.at(blob).values), 1e-5) << blob;
    ++compared;
  }
  EXPECT_GE(compared, 8);
}

}  // namespace
}  // namespace sphereface
