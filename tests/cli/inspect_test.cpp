// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface inspect` of networks and checkpoints, by its command line.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "model/checkpoint.h"
#include "model/checkpoint_check.h"
#include "model/initialize.h"
#include "model/network_config.h"
#include "tests/support/checkpoint_tools.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

Finished inspect(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {testing::program("sphereface"), "inspect"});
  return testing::runCommand(arguments);
}

class Inspect : public ::testing::Test {
 protected:
  static constexpr int kClasses = 7;

  void SetUp() override {
    NetworkConfig& network = *manifest_.mutable_config()->mutable_network();
    network.set_name("custom");
    network.set_height(14);
    network.set_width(12);
    network.set_embedding(16);
    network.add_stage()->set_channels(8);
    EngineOptions options;
    options.network = buildNetwork(network);
    options.classes = kClasses;
    options.batch = 1;
    const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
    initializeTrunk(options.network, 1, engine->trunk().parameters);
    initializeHead(0, kClasses, 16, 1, engine->head().parameters);
    for (const float value : engine->head().parameters)
      head_squares_ += static_cast<double>(value) * value;
    manifest_.set_step(12);
    manifest_.set_forward_passes(24);
    manifest_.set_classes(kClasses);
    manifest_.set_color_order("BGR");
    manifest_.set_alignment_template("five points");
    manifest_.set_normalization_mean(127.5F);
    manifest_.set_normalization_scale(0.0078125F);
    manifest_.set_dataset_sha256("abcd");
    manifest_ = testing::writeCheckpoint(*engine, options.network, manifest_, checkpoint_);
  }

  /// Sets a parameter of the checkpoint, by its place in the file.
  void poke(const char* file, size_t index, float value) const {
    std::string bytes = readFile(checkpoint_ / file);
    std::memcpy(bytes.data() + index * sizeof(float), &value, sizeof(float));
    writeFileAtomically(checkpoint_ / file, bytes);
  }

  Json json() const { return readJsonFile(folder_ / "x.json"); }

  const TemporaryFolder folder_;
  const fs::path checkpoint_ = folder_ / "step-00000012";
  CheckpointManifest manifest_;
  double head_squares_ = 0;
};

TEST_F(Inspect, SaysWhatACheckpointHolds) {
  const Finished done =
      inspect({checkpoint_.string(), "--verify", "--json", (folder_ / "x.json").string()});
  ASSERT_EQ(done.code, 0) << done.output;
  for (const char* words :
       {"step            12 (24 forward passes)", "custom, 14x12 images", "classes         7",
        "BGR", "five points", "(byte - 127.5) * 0.0078125", "parameters.bin, ", "verified",
        "NaN or infinite: 0 of the parameters"}) {
    EXPECT_NE(done.output.find(words), std::string::npos) << words << "\n" << done.output;
  }
  EXPECT_EQ(json().at("kind"), "checkpoint");
  EXPECT_EQ(json().at("step"), 12);
  EXPECT_EQ(json().at("classes"), kClasses);
  EXPECT_EQ(json().at("not_finite"), 0);
  EXPECT_EQ(json().at("verified"), true);
  EXPECT_EQ(json().at("parts").size(), 2U);
  const Json tensors = json().at("tensors");
  const Json& slope = tensors.at(2);
  EXPECT_EQ(slope.at("name"), "relu1_1.0");
  EXPECT_NEAR(slope.at("norm").get<double>(), 0.25 * std::sqrt(8), 1e-9);
  EXPECT_EQ(slope.at("largest"), 0.25);
  EXPECT_EQ(tensors.back().at("name"), "head.0");
  EXPECT_EQ(tensors.back().at("shape"), Json({kClasses, 16}));
  EXPECT_NEAR(tensors.back().at("norm").get<double>(), std::sqrt(head_squares_), 1e-9);
  EXPECT_EQ(tensors.back().at("momentum_norm"), 0);
}

TEST_F(Inspect, CountsWhatIsNotFinite) {
  poke(kParametersFile, 0, std::numeric_limits<float>::quiet_NaN());
  poke(kParametersFile, 1, -std::numeric_limits<float>::infinity());
  poke(kMomentumFile, 5, std::numeric_limits<float>::infinity());
  const Finished done = inspect({checkpoint_.string(), "--json", (folder_ / "x.json").string()});
  ASSERT_EQ(done.code, 0) << done.output;
  EXPECT_NE(done.output.find("NaN or infinite: 2 of the parameters, 1 of the momenta"),
            std::string::npos)
      << done.output;
  EXPECT_EQ(json().at("not_finite"), 2);
  EXPECT_EQ(json().at("tensors").at(0).at("not_finite"), 2);
  EXPECT_TRUE(std::isfinite(json().at("tensors").at(0).at("norm").get<double>()));
}

TEST_F(Inspect, VerifyFindsDamageThatTheSizeDoesNotShow) {
  poke(kMomentumFile, 3, 1);
  EXPECT_EQ(inspect({checkpoint_.string()}).code, 0);
  const Finished done = inspect({checkpoint_.string(), "--verify"});
  EXPECT_EQ(done.code, 1) << done.output;
  EXPECT_NE(done.output.find("momentum.bin: damaged"), std::string::npos) << done.output;
}

TEST_F(Inspect, AManifestThatNamesMoreThanTheFileHoldsIsRefused) {
  CheckpointManifest manifest = manifest_;
  manifest.mutable_tensor(manifest.tensor_size() - 1)->set_dim(0, kClasses + 1);
  try {
    summarizeTensors(checkpoint_, manifest, CheckpointManifest::Part::PARAMETERS);
    FAIL() << "read past the end";
  } catch (const std::exception& e) {
    EXPECT_NE(std::string(e.what()).find("PARAMETERS end within tensor head.0"), std::string::npos)
        << e.what();
  }
}

TEST_F(Inspect, PrintsANetworksLayers) {
  const Finished done = inspect({"--network", "sphereface-20", "--classes", "10572", "--json",
                                 (folder_ / "x.json").string()});
  ASSERT_EQ(done.code, 0) << done.output;
  EXPECT_NE(done.output.find("conv3_9   3x3, PReLU, + conv3_7     256 x 14 x 12"),
            std::string::npos)
      << done.output;
  EXPECT_EQ(json().at("layers").size(), 22U);
  EXPECT_EQ(json().at("convolutions"), 20);
  EXPECT_EQ(json().at("layers").at(20).at("parameters"), 512 * 21504 + 512);
  EXPECT_NEAR(json().at("multiply_adds").get<double>() / 1e9, 1.750 + 0.0054, 6e-4);
  EXPECT_NEAR(json().at("parameters").get<double>() / 1e6, 22.67 + 5.41, 0.01);

  ASSERT_EQ(inspect({"--network", "sphereface-36", "--width", "112", "--embedding", "256", "--json",
                     (folder_ / "x.json").string()})
                .code,
            0);
  EXPECT_EQ(json().at("layers").back().at("output"), Json({256, 1, 1}));
  EXPECT_EQ(json().at("layers").back().at("parameters"), 256 * 512 * 7 * 7 + 256);
}

TEST_F(Inspect, WrongUsageIsNamed) {
  struct Case {
    std::vector<std::string> arguments;
    int code;
    const char* words;
  };
  for (const Case& c : {Case{{}, 2, "name a data set, a checkpoint, or a network"},
                        {{"--network", "vgg"}, 2, "network.name \"vgg\" is unknown"},
                        {{"--network", "sphereface-4", "--height", "0"}, 2, "--height"},
                        {{"--network", "sphereface-4", "--verify"}, 2, "--verify"},
                        {{"--network", "sphereface-4", checkpoint_.string()}, 2, "--network"},
                        {{checkpoint_.string(), "--classes", "5"}, 2, "--network"},
                        {{checkpoint_.string(), "--sheet", "x.png"}, 2, "is a checkpoint"},
                        {{(folder_ / "absent").string()}, 1, "no such file or folder"},
                        {{folder_.path().string()}, 1, "is neither a packed data set"}}) {
    const Finished done = inspect(c.arguments);
    EXPECT_EQ(done.code, c.code) << done.output;
    EXPECT_NE(done.output.find(c.words), std::string::npos) << c.words << "\n" << done.output;
  }
}

}  // namespace
}  // namespace sphereface
