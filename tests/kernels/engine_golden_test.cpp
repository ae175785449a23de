// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include "tests/kernels/engine_under_test.h"
#include "tests/support/network_support.h"

namespace sphereface {
namespace {

using testing::GoldenFile;
using testing::kGoldenClasses;
using testing::makeEngineUnderTest;
using testing::relativeDifference;
using testing::setValues;
using testing::trunkOf;
using testing::valuesOf;

/// Three or four solver steps of the published implementation.
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

TEST_P(GoldenNetwork, SolverStepsMatchThePublishedImplementation) {
  SPHEREFACE_NEEDS(sharedFolder() / "golden" / "net");
  const std::filesystem::path folder = sharedFolder() / "golden" / "net";
  const GoldenFile init = testing::readGolden(folder / "mini_init.sfg");
  const GoldenFile inputs = testing::readGolden(folder / "mini_inputs.sfg");
  const GoldenFile golden = testing::readGolden(folder / ("mini_run_" + GetParam() + ".sfg"));
  const GoldenRun run = goldenRun(GetParam());

  EngineOptions options;
  options.network = testing::goldenNetwork();
  EXPECT_EQ(options.network.parameter_count + size_t{kGoldenClasses} * 32, 87608U);
  options.classes = kGoldenClasses;
  options.batch = run.batch;
  const std::unique_ptr<Engine> engine = makeEngineUnderTest(options);
  const Network& network = options.network;
  const std::vector<double> start = trunkOf(init, "init/", network);
  setValues(*engine, start, engine->trunk().parameters);
  setValues(*engine, init.at("init/fc6.0").values, engine->head().parameters);

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
        EXPECT_LT(relativeDifference(
                      valuesOf(*engine, engine->trunk().gradients.subspan(p.offset, p.count)),
                      std::span(want).subspan(p.offset, p.count)),
                  5e-5)
            << p.name;
      }
      EXPECT_LT(relativeDifference(valuesOf(*engine, engine->head().gradients),
                                   golden.at("grad0/fc6.0").values),
                5e-5);
    }
    engine->update({run.rates[static_cast<size_t>(step)], 0.9, 5e-4});
  }

  const std::vector<double> final_trunk = trunkOf(golden, "final/", network);
  const std::vector<double> trained = valuesOf(*engine, engine->trunk().parameters);
  for (const Parameter& p : network.parameters) {
    std::vector<double> change;
    std::vector<double> want_change;
    for (size_t k = p.offset; k < p.offset + p.count; ++k) {
      change.push_back(trained[k] - start[k]);
      want_change.push_back(final_trunk[k] - start[k]);
    }
    EXPECT_LT(relativeDifference(change, want_change), 1e-3) << p.name;
  }
  EXPECT_LT(relativeDifference(valuesOf(*engine, engine->head().parameters),
                               golden.at("final/fc6.0").values),
            1e-5);
  if (golden.contains("mom/fc5.0")) {
    const std::vector<double> momentum = trunkOf(golden, "mom/", network);
    for (const Parameter& p : network.parameters) {
      EXPECT_LT(
          relativeDifference(valuesOf(*engine, engine->trunk().momentum.subspan(p.offset, p.count)),
                             std::span(momentum).subspan(p.offset, p.count)),
          1e-3)
          << p.name;
    }
    EXPECT_LT(relativeDifference(valuesOf(*engine, engine->head().momentum),
                                 golden.at("mom/fc6.0").values),
              1e-3);
  }

  EngineOptions probe = options;
  probe.classes = 0;
  probe.batch = 4;
  const std::unique_ptr<Engine> extractor = makeEngineUnderTest(probe);
  setValues(*extractor, trained, extractor->trunk().parameters);
  const std::vector<double>& probe_bytes = inputs.at("probe_u8").values;
  std::vector<uint8_t> probe_images(probe_bytes.begin(), probe_bytes.end());
  std::vector<float> embeddings(4 * 32);
  extractor->embed(probe_images, embeddings);
  EXPECT_LT(relativeDifference(embeddings, golden.at("fc5_probe_after").values), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Runs, GoldenNetwork, ::testing::Values("a", "b", "c"));

}  // namespace
}  // namespace sphereface
