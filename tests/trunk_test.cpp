// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "kernels/cpu/cpu_trunk.h"
#include "kernels/cpu/onednn.h"
#include "kernels/engine.h"
#include "kernels/reference/reference_trunk.h"
#include "model/initialize.h"
#include "model/network_table.h"
#include "tests/golden.h"

namespace sphereface {
namespace {

using testing::relativeDifference;

struct StageRow {
  uint32_t channels;
  uint32_t units;
};

Network customNetwork(int height, int width, int embedding, const std::vector<StageRow>& stages) {
  NetworkConfig config;
  config.set_name("custom");
  config.set_height(static_cast<uint32_t>(height));
  config.set_width(static_cast<uint32_t>(width));
  config.set_embedding(static_cast<uint32_t>(embedding));
  for (const StageRow& row : stages) {
    NetworkConfig::Stage& stage = *config.add_stage();
    stage.set_channels(row.channels);
    stage.set_units(row.units);
  }
  return buildNetwork(config);
}

/// Weights in which every term of every layer matters (some slopes negative, all biases set).
std::vector<float> randomParameters(const Network& network, uint64_t seed) {
  std::vector<float> parameters(network.parameter_count);
  initializeTrunk(network, seed, parameters);
  Random random(seed, 99);
  for (const Parameter& p : network.parameters) {
    for (size_t k = p.offset; k < p.offset + p.count; ++k) {
      if (p.shape.size() == 1) parameters[k] += static_cast<float>(random.uniform(-0.3, 0.3));
      if (p.init == Parameter::Init::kGaussian) parameters[k] *= 10;
    }
  }
  return parameters;
}

std::vector<uint8_t> randomImages(const Network& network, int batch, uint64_t seed) {
  Random random(seed, 5);
  std::vector<uint8_t> images(network.imageBytes() * static_cast<size_t>(batch));
  for (uint8_t& byte : images)
    byte = static_cast<uint8_t>(random.below(256));
  return images;
}

std::vector<float> randomFloats(size_t count, uint64_t seed) {
  Random random(seed, 6);
  std::vector<float> values(count);
  for (float& value : values)
    value = static_cast<float>(random.normal());
  return values;
}

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
    NetworkConfig config;
    config.set_name(row.name);
    const Network network = buildNetwork(config);
    EXPECT_EQ(network.convs.size(), row.convs) << row.name;
    EXPECT_NEAR(static_cast<double>(multiplyAdds(network)) / 1e9, row.gmac, 6e-4) << row.name;
    EXPECT_NEAR(static_cast<double>(network.parameter_count) / 1e6, row.million_parameters, 0.06)
        << row.name;
  }
}

TEST(NetworkTable, RefusesUnknownNamesAndImpossibleTables) {
  NetworkConfig config;
  config.set_name("sphereface-21");
  EXPECT_THROW(buildNetwork(config), UsageError);
  config.set_name("custom");
  EXPECT_THROW(buildNetwork(config), UsageError) << "no stage";
}

TEST(Engine, NamesWhatIsMissingForCuda) {
  EXPECT_THROW(makeEngine(Device::kCuda, {}), Error);
}

// ------------------------------------------------ three solver steps of the published
// implementation

class GoldenNetwork : public ::testing::TestWithParam<std::string> {};

struct GoldenRun {
  int batch;
  int iter_size;
  int steps;
  std::vector<double> rates;
  std::vector<double> lambdas;
};

GoldenRun goldenRun(const std::string& name) {
  if (name == "a") return {8, 1, 3, {0.01, 0.01, 0.01}, {892.857117, 806.451599, 735.294128}};
  if (name == "b") return {8, 1, 4, {0.05, 0.05, 0.005, 0.005}, {5, 5, 5, 5}};
  return {4, 2, 3, {0.01, 0.01, 0.01}, {5, 5, 5}};
}

/// Copies the arrays called PREFIX/TENSOR into an arena (and the classifier, fc6, into the head).
std::vector<double> trunkOf(const testing::GoldenFile& file, const std::string& prefix,
                            const Network& network) {
  std::vector<double> arena(network.parameter_count);
  for (const Parameter& p : network.parameters) {
    const std::vector<double>& values = file.at(prefix + p.name).values;
    EXPECT_EQ(values.size(), p.count) << p.name;
    std::copy(values.begin(), values.end(), arena.begin() + static_cast<ptrdiff_t>(p.offset));
  }
  return arena;
}

TEST_P(GoldenNetwork, SolverStepsMatchThePublishedImplementation) {
  SPHEREFACE_NEEDS(sharedFolder() / "golden" / "net");
  const std::filesystem::path folder = sharedFolder() / "golden" / "net";
  const testing::GoldenFile init = testing::readGolden(folder / "mini_init.sfg");
  const testing::GoldenFile inputs = testing::readGolden(folder / "mini_inputs.sfg");
  const testing::GoldenFile golden =
      testing::readGolden(folder / ("mini_run_" + GetParam() + ".sfg"));
  const GoldenRun run = goldenRun(GetParam());

  EngineOptions options;
  options.network = customNetwork(28, 24, 32, {{8, 1}, {16, 2}, {24, 4}, {32, 1}});
  EXPECT_EQ(options.network.parameter_count + 20 * 32, 87608U);
  options.classes = 20;
  options.batch = run.batch;
  const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
  const Network& network = options.network;
  const std::vector<double> start = trunkOf(init, "init/", network);
  std::copy(start.begin(), start.end(), engine->trunk().parameters.begin());
  const std::vector<double>& head_start = init.at("init/fc6.0").values;
  std::copy(head_start.begin(), head_start.end(), engine->head().parameters.begin());

  const std::vector<double>& bytes = inputs.at("images_u8").values;
  const std::vector<double>& label_values = inputs.at("labels").values;
  size_t next = 0;
  for (int step = 0; step < run.steps; ++step) {
    PassStats stats;
    for (int pass = 0; pass < run.iter_size; ++pass) {
      std::vector<uint8_t> images;
      std::vector<int32_t> labels;
      for (int i = 0; i < run.batch; ++i, ++next) {
        for (size_t k = 0; k < network.imageBytes(); ++k) {
          images.push_back(static_cast<uint8_t>(bytes[next * network.imageBytes() + k]));
        }
        labels.push_back(static_cast<int32_t>(label_values[next]));
      }
      stats =
          engine->forwardBackward(images, labels, {4, run.lambdas[static_cast<size_t>(step)]},
                                  1.0F / static_cast<float>(run.batch * run.iter_size), pass > 0);
    }
    const std::vector<double>& losses = golden.at("loss_lambda").values;
    const double loss = losses[2 * static_cast<size_t>(step)];
    EXPECT_NEAR(stats.head.loss_sum / run.batch, loss, 2e-5 * loss) << "step " << step;

    if (step == 0 && GetParam() == "a") {
      const std::vector<double> want = trunkOf(golden, "grad0/", network);
      for (const Parameter& p : network.parameters) {
        EXPECT_LT(relativeDifference(engine->trunk().gradients.subspan(p.offset, p.count),
                                     std::span(want).subspan(p.offset, p.count)),
                  5e-5)
            << p.name;
      }
      EXPECT_LT(relativeDifference(engine->head().gradients, golden.at("grad0/fc6.0").values),
                5e-5);
    }
    engine->update({run.rates[static_cast<size_t>(step)], 0.9, 5e-4});
  }

  const std::vector<double> final_trunk = trunkOf(golden, "final/", network);
  for (const Parameter& p : network.parameters) {
    std::vector<double> change;
    std::vector<double> want_change;
    for (size_t k = p.offset; k < p.offset + p.count; ++k) {
      change.push_back(static_cast<double>(engine->trunk().parameters[k]) - start[k]);
      want_change.push_back(final_trunk[k] - start[k]);
    }
    EXPECT_LT(relativeDifference(change, want_change), 1e-3) << p.name;
  }
  EXPECT_LT(relativeDifference(engine->head().parameters, golden.at("final/fc6.0").values), 1e-5);
  if (golden.contains("mom/fc5.0")) {
    const std::vector<double> momentum = trunkOf(golden, "mom/", network);
    for (const Parameter& p : network.parameters) {
      EXPECT_LT(relativeDifference(engine->trunk().momentum.subspan(p.offset, p.count),
                                   std::span(momentum).subspan(p.offset, p.count)),
                1e-3)
          << p.name;
    }
    EXPECT_LT(relativeDifference(engine->head().momentum, golden.at("mom/fc6.0").values), 1e-3);
  }

  EngineOptions probe = options;
  probe.classes = 0;
  probe.batch = 4;
  const std::unique_ptr<Engine> extractor = makeEngine(Device::kCpu, probe);
  std::copy(engine->trunk().parameters.begin(), engine->trunk().parameters.end(),
            extractor->trunk().parameters.begin());
  const std::vector<double>& probe_bytes = inputs.at("probe_u8").values;
  std::vector<uint8_t> probe_images(probe_bytes.begin(), probe_bytes.end());
  std::vector<float> embeddings(4 * 32);
  extractor->embed(probe_images, embeddings);
  EXPECT_LT(relativeDifference(embeddings, golden.at("fc5_probe_after").values), 1e-4);
}

TEST(GoldenActivations, MatchThePublishedImplementation) {
  SPHEREFACE_NEEDS(sharedFolder() / "golden" / "net");
  const std::filesystem::path folder = sharedFolder() / "golden" / "net";
  const testing::GoldenFile golden = testing::readGolden(folder / "mini_run_a.sfg");
  const testing::GoldenFile inputs = testing::readGolden(folder / "mini_inputs.sfg");
  const Network network = customNetwork(28, 24, 32, {{8, 1}, {16, 2}, {24, 4}, {32, 1}});
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

INSTANTIATE_TEST_SUITE_P(Runs, GoldenNetwork, ::testing::Values("a", "b", "c"));

}  // namespace
}  // namespace sphereface
