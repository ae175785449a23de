// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/convolution_algorithms.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"
#include "kernels/cpu/cpu_trunk.h"
#include "kernels/reference/reference_trunk.h"
#include "model/initialize.h"
#include "model/network_config.h"
#include "tests/support/golden.h"

namespace sphereface {
namespace {

using testing::relativeNorm;

TEST(ConvolutionAlgorithms, TextComesBack) {
  const std::string text = "ddd wdw www";
  EXPECT_EQ(printAlgorithms(parseAlgorithms(text, 3)), text);
  EXPECT_THROW(parseAlgorithms(text, 4), Error);
  EXPECT_THROW(parseAlgorithms("ddd wd www", 3), Error);
  EXPECT_THROW(parseAlgorithms("ddd wdx www", 3), Error);
}

struct Gradient {
  std::string algorithms;
  std::vector<std::string> notes;
  std::vector<float> embeddings;
  std::vector<float> gradients;
};

class SmallNetwork : public ::testing::Test {
 protected:
  SmallNetwork() {
    NetworkConfig config;
    config.set_name("custom");
    config.set_height(26);
    config.set_width(22);
    config.set_embedding(16);
    for (const uint32_t channels : {32U, 64U}) {
      config.add_stage()->set_channels(channels);
      config.mutable_stage(config.stage_size() - 1)->set_units(1);
    }
    options_.network = buildNetwork(config);
    options_.batch = 4;
    parameters_.resize(options_.network.parameter_count);
    initializeTrunk(options_.network, 7, parameters_);
    Random random(3);
    images_.resize(options_.network.imageBytes() * 4);
    for (uint8_t& byte : images_)
      byte = static_cast<uint8_t>(random.below(256));
    for (int i = 0; i < 4 * 16; ++i)
      d_embeddings_.push_back(static_cast<float>(random.normal()));
  }

  Gradient gradientOf(Convolution convolution, const std::string& algorithms) {
    options_.convolution = convolution;
    options_.convolution_algorithms = algorithms;
    Gradient result;
    result.gradients.resize(parameters_.size());
    result.embeddings.resize(d_embeddings_.size());
    CpuTrunk trunk(options_, parameters_.data(), result.gradients.data());
    trunk.forward(images_.data(), result.embeddings.data());
    trunk.backward(d_embeddings_.data(), false, [](size_t) {});
    result.algorithms = trunk.algorithms();
    result.notes = trunk.notes();
    return result;
  }

  EngineOptions options_;
  std::vector<float> parameters_;
  std::vector<uint8_t> images_;
  std::vector<float> d_embeddings_;
};

TEST_F(SmallNetwork, WinogradEqualsReferenceToItsRounding) {
  const Gradient got = gradientOf(Convolution::kFastest, "ddd www www ddd www www");
  if (got.algorithms.find('w') == std::string::npos) {
    ASSERT_FALSE(got.notes.empty());
    GTEST_SKIP() << got.notes.front();
  }
  const std::vector<double> parameters(parameters_.begin(), parameters_.end());
  const auto state = reference::forward(options_.network, images_, parameters, 4);
  const auto want = reference::backward(
      options_.network, state, std::vector<double>(d_embeddings_.begin(), d_embeddings_.end()),
      parameters, 4);
  EXPECT_LT(relativeNorm(got.embeddings, state.embeddings), 1e-5);
  for (const Parameter& p : options_.network.parameters) {
    if (p.learning_rate_mult == 0) continue;
    EXPECT_LT(relativeNorm(std::span(got.gradients).subspan(p.offset, p.count),
                           std::span(want).subspan(p.offset, p.count)),
              1e-4)
        << p.name;
  }
}

TEST_F(SmallNetwork, AnotherEngineRepeatsTheChoiceToTheBit) {
  const Gradient measured = gradientOf(Convolution::kFastest, "");
  const Gradient repeated = gradientOf(Convolution::kFastest, measured.algorithms);
  EXPECT_EQ(repeated.algorithms, measured.algorithms);
  EXPECT_EQ(repeated.embeddings, measured.embeddings);
  EXPECT_EQ(repeated.gradients, measured.gradients);
}

TEST_F(SmallNetwork, DirectIgnoresAChoice) {
  const Gradient direct = gradientOf(Convolution::kDirect, "ddd www www ddd www www");
  EXPECT_EQ(direct.algorithms, "ddd ddd ddd ddd ddd ddd");
}

TEST_F(SmallNetwork, AnImpossibleChoiceBecomesDirectAndSaysSo) {
  // No Winograd for stride 2.
  const Gradient got = gradientOf(Convolution::kFastest, "ddd ddd ddd www ddd ddd");
  EXPECT_EQ(got.algorithms, "ddd ddd ddd ddd ddd ddd");
  ASSERT_FALSE(got.notes.empty());
  EXPECT_NE(got.notes.front().find("conv2_1"), std::string::npos) << got.notes.front();
}

}  // namespace
}  // namespace sphereface
