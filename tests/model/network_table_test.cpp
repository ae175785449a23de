// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/network_config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <sstream>

#include "kernels/engine.h"
#include "model/initialize.h"
#include "tests/support/golden.h"

namespace sphereface {
namespace {

NetworkConfig configOf(const std::string& name, uint32_t height, uint32_t width) {
  NetworkConfig config;
  config.set_name(name);
  config.set_height(height);
  config.set_width(width);
  return config;
}

struct Totals {
  double parameters = 0;
  double multiply_adds = 0;
  double activations = 0;
};

Totals totalsOf(const std::vector<LayerRow>& rows) {
  Totals totals;
  for (const LayerRow& row : rows) {
    totals.parameters += static_cast<double>(row.parameters);
    totals.multiply_adds += static_cast<double>(row.multiply_adds);
    totals.activations += static_cast<double>(row.activations);
  }
  return totals;
}

// Published sizes, derived by hand from the layers' shapes: GMAC, million parameters, million
// activations kept.
TEST(LayerTable, AgreesWithPublishedSizes) {
  struct Row {
    const char* name;
    uint32_t width;
    double gmac;
    double parameters;
    double activations;
  };
  for (const Row& row : {Row{"sphereface-4", 96, 0.164, 12.6, 0.65},
                         {"sphereface-20", 96, 1.750, 22.67, 3.33},
                         {"sphereface-20", 112, 2.041, 24.5, 3.89},
                         {"sphereface-36", 96, 3.335, 32.8, 6.02},
                         {"sphereface-36", 112, 3.891, 34.6, 7.02},
                         {"sphereface-64", 96, 6.110, 48.2, 10.4},
                         {"sphereface-64-released", 96, 5.912, 47.9, 10.0},
                         {"sphereface-64", 112, 7.128, 50.0, 12.2}}) {
    const Network network = buildNetwork(configOf(row.name, 112, row.width));
    const Totals totals = totalsOf(layerTable(network, 0));
    EXPECT_NEAR(totals.multiply_adds / 1e9, row.gmac, 6e-4) << row.name << " " << row.width;
    EXPECT_NEAR(totals.parameters / 1e6, row.parameters, 0.06) << row.name << " " << row.width;
    EXPECT_NEAR(totals.activations / 1e6, row.activations, 0.06) << row.name << " " << row.width;
  }
}

TEST(LayerTable, StrideOneConvolutionsOfEveryStageCostTheSame) {
  for (const LayerRow& row : layerTable(buildNetwork(configOf("sphereface-20", 112, 96)), 0)) {
    if (row.kind.starts_with("3x3, ")) {
      EXPECT_EQ(row.multiply_adds, 64U * 64 * 9 * 56 * 48) << row.name;
    }
  }
}

TEST(LayerTable, SumsToTheNetworkForEveryTableAndBothImageSizes) {
  std::istringstream names(knownNetworks());
  int tables = 0;
  for (std::string name; std::getline(names, name, ',');) {
    name.erase(0, name.find_first_not_of(' '));
    for (const uint32_t width : {96U, 112U}) {
      const Network network = buildNetwork(configOf(name, 112, width));
      const std::vector<LayerRow> rows = layerTable(network, 0);
      const Totals totals = totalsOf(rows);
      EXPECT_EQ(rows.size(), network.convs.size() + 1) << name;
      EXPECT_EQ(totals.parameters, static_cast<double>(network.parameter_count)) << name;
      EXPECT_EQ(totals.multiply_adds, static_cast<double>(multiplyAdds(network))) << name;
      EXPECT_EQ(network.fc_inputs, width == 96 ? 512U * 7 * 6 : 512U * 7 * 7) << name;
      EXPECT_EQ(rows.back().name, "fc5");
      const std::vector<LayerRow> with_head = layerTable(network, 10572);
      EXPECT_EQ(with_head.back().parameters, 10572U * 512);
      EXPECT_EQ(with_head.back().multiply_adds, 10572U * 512);
    }
    ++tables;
  }
  EXPECT_EQ(tables, 6);
}

TEST(NetworkTable, EveryTableMakesFeaturesAtBothImageSizes) {
  for (const char* name : {"sphereface-4", "sphereface-10", "sphereface-20", "sphereface-36",
                           "sphereface-64", "sphereface-64-released"}) {
    for (const uint32_t width : {96U, 112U}) {
      EngineOptions options;
      options.network = buildNetwork(configOf(name, 112, width));
      options.batch = 1;
      const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
      initializeTrunk(options.network, 1, engine->trunk().parameters);
      const std::vector<uint8_t> image(options.network.imageBytes(), 200);
      std::vector<float> embedding(512);
      engine->embed(image, embedding);
      double squares = 0;
      for (const float value : embedding)
        squares += static_cast<double>(value) * value;
      EXPECT_GT(squares, 0) << name << " " << width;
      EXPECT_TRUE(std::isfinite(squares)) << name << " " << width;
    }
  }
}

// The published implementation's own arrays of a small network: sizes and shapes, layer by layer.
TEST(LayerTable, AgreesWithThePublishedImplementationsArrays) {
  SPHEREFACE_NEEDS(sharedFolder() / "golden" / "net");
  const std::filesystem::path folder = sharedFolder() / "golden" / "net";
  const testing::GoldenFile init = testing::readGolden(folder / "mini_init.sfg");
  const testing::GoldenFile run = testing::readGolden(folder / "mini_run_a.sfg");
  NetworkConfig config = configOf("custom", 28, 24);
  config.set_embedding(32);
  for (const auto& [channels, units] :
       {std::pair(8U, 1U), std::pair(16U, 2U), std::pair(24U, 4U), std::pair(32U, 1U)}) {
    config.add_stage()->set_channels(channels);
    config.mutable_stage(config.stage_size() - 1)->set_units(units);
  }
  size_t parameters = 0;
  int shapes = 0;
  for (const LayerRow& row : layerTable(buildNetwork(config), 20)) {
    const bool conv = row.name.starts_with("conv");
    const std::string layer = row.name == "head" ? "fc6" : row.name;
    size_t expected = init.at("init/" + layer + ".0").values.size();
    if (init.contains("init/" + layer + ".1")) {
      expected += init.at("init/" + layer + ".1").values.size();
    }
    if (conv) expected += init.at("init/relu" + layer.substr(4) + ".0").values.size();
    EXPECT_EQ(row.parameters, expected) << row.name;
    parameters += row.parameters;
    const bool residual = row.kind.find('+') != std::string::npos;
    const std::string blob = "act0/" + (residual ? "res" + layer.substr(4) : layer);
    if (!run.contains(blob)) continue;
    const std::vector<size_t>& shape = run.at(blob).shape;
    EXPECT_EQ(shape.at(1), static_cast<size_t>(row.channels)) << blob;
    if (conv) {
      EXPECT_EQ(shape.at(2), static_cast<size_t>(row.height)) << blob;
      EXPECT_EQ(shape.at(3), static_cast<size_t>(row.width)) << blob;
    }
    ++shapes;
  }
  EXPECT_EQ(parameters, 87608U);
  EXPECT_GE(shapes, 8);
}

}  // namespace
}  // namespace sphereface
