// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_import.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"
#include "convert/caffe_export.h"
#include "convert/caffe_file.h"
#include "model/network_table.h"
#include "tests/support/convert_support.h"

namespace sphereface {
namespace {

using testing::errorOf;
using testing::expectIn;
using testing::GoldenFile;

const std::filesystem::path kGolden = sharedFolder() / "golden" / "net";

CaffeImport importModel(const caffe::NetParameter& net, std::optional<ImageSize> size = {}) {
  return importCaffe({{net, "model"}}, size);
}

caffe::NetParameter goldenNet(const std::string& name) {
  return parseCaffeModel(readCaffeFile(kGolden / name), name);
}

/// A .caffemodel's message with random weights and a classifier of 5 classes.
caffe::NetParameter randomNet(const NetworkConfig& config = testing::smallConfig()) {
  const TemporaryFolder folder;
  std::vector<std::string> notes;
  writeCaffeModel(testing::randomModel(config, 5), folder / "model.caffemodel", notes);
  return parseCaffeModel(readFile(folder / "model.caffemodel"), "model");
}

caffe::LayerParameter& layer(caffe::NetParameter& net, const std::string& name) {
  return *std::ranges::find(*net.mutable_layer(), name, &caffe::LayerParameter::name);
}

void remove(caffe::NetParameter& net, const std::string& name) {
  const auto at = std::ranges::find(*net.mutable_layer(), name, &caffe::LayerParameter::name);
  net.mutable_layer()->erase(at);
}

/// The published implementation's models give the features that it computed itself.
TEST(CaffeImport, GivesThePublishedImplementationsFeatures) {
  SPHEREFACE_NEEDS(kGolden);
  const GoldenFile golden = testing::readGolden(kGolden / "mini_run_a.sfg");
  const GoldenFile inputs = testing::readGolden(kGolden / "mini_inputs.sfg");
  const std::vector<double>& probe = inputs.at("probe_u8").values;
  const std::vector<uint8_t> images(probe.begin(), probe.end());
  for (const auto& [file, features] : {std::pair{"mini_init.caffemodel", "fc5_probe_before"},
                                       std::pair{"mini_a_iter_3.caffemodel", "fc5_probe_after"}}) {
    const CaffeImport imported = importModel(goldenNet(file));
    const TrainedModel& model = imported.model;
    EXPECT_EQ(model.manifest.config().network().name(), "custom");
    EXPECT_EQ(model.network.height, 28);
    EXPECT_EQ(model.network.width, 24);
    EXPECT_EQ(model.manifest.classes(), 20U);
    EXPECT_EQ(model.manifest.color_order(), "BGR");
    EXPECT_LT(
        testing::relativeDifference(testing::embed(model, images), golden.at(features).values),
        1e-5)
        << file;
  }
}

TEST(CaffeImport, ReadsTheMomentaOfASolverState) {
  SPHEREFACE_NEEDS(kGolden);
  const caffe::NetParameter net = goldenNet("mini_a_iter_3.caffemodel");
  TrainedModel model = importModel(net).model;
  caffe::SolverState state =
      parseSolverState(readCaffeFile(kGolden / "mini_a_iter_3.solverstate"), "state");
  importSolverState({net, "model"}, state, "state", model);
  EXPECT_EQ(model.manifest.step(), 3U);
  const GoldenFile golden = testing::readGolden(kGolden / "mini_run_a.sfg");
  for (const Parameter& p : model.network.parameters) {
    const std::vector<double>& want = golden.at("mom/" + p.name).values;
    EXPECT_TRUE(std::ranges::equal(std::span(model.momentum).subspan(p.offset, p.count), want))
        << p.name;
  }
  EXPECT_TRUE(std::ranges::equal(std::span(model.momentum).subspan(model.network.parameter_count),
                                 golden.at("mom/fc6.0").values));

  state.mutable_history()->RemoveLast();
  expectIn("history 62 (fc6.0) is missing", errorOf([&] {
             importSolverState({net, "model"}, state, "state", model);
           }));
}

TEST(CaffeImport, RecognisesEveryBuiltInNetwork) {
  for (const std::string& name : knownNetworkNames()) {
    NetworkConfig config;
    config.set_name(name);
    caffe::NetParameter net = describeDeployNet(buildNetwork(config));
    remove(net, "data");
    const CaffeNetwork found = recognizeNetwork({{net, "net"}}, std::nullopt);
    EXPECT_EQ(found.config.name(), name);
    EXPECT_EQ(found.config.embedding(), 512U);
    EXPECT_TRUE(found.config.stage().empty());
    EXPECT_EQ(found.network.height, 112);
    expectIn("SphereFace's", found.size_from);
  }
}

TEST(CaffeImport, TakesTheImagesSizeFromWhereverItIsToldAndChecksIt) {
  caffe::NetParameter net = randomNet();
  const caffe::NetParameter description = net;
  EXPECT_EQ(importModel(net).model.network.width, 22);
  expectIn("layer data of model: images of 30x22, not of 29x22 as given", errorOf([&] {
             importModel(net, ImageSize{29, 22});
           }));
  remove(net, "data");
  // 112x96, which isn't told, doesn't fit.
  expectIn("fc4 has 192 inputs, but images of 112x96", errorOf([&] { importModel(net); }));
  EXPECT_EQ(importModel(net, ImageSize{30, 22}).model.network.height, 30);
  expectIn("give 16 x 4 x 4", errorOf([&] { importModel(net, ImageSize{30, 30}); }));
  const CaffeImport by_description =
      importCaffe({{description, "net.prototxt"}, {net, "model"}}, std::nullopt);
  EXPECT_EQ(by_description.model.network.height, 30);
  net.add_input("data");
  for (const int extent : {1, 3, 29, 22})
    net.add_input_dim(extent);
  EXPECT_EQ(importModel(net).model.network.height, 29);
  net.set_input_dim(1, 1);
  expectIn("an input of 1 x 1 x 29 x 22", errorOf([&] { importModel(net); }));
}

TEST(CaffeImport, TakesModelsWithoutAClassifier) {
  caffe::NetParameter net = randomNet();
  const TrainedModel whole = importModel(net).model;
  EXPECT_EQ(whole.manifest.classes(), 5U);
  remove(net, "fc5");
  const CaffeImport imported = importModel(net);
  EXPECT_EQ(imported.model.manifest.classes(), 0U);
  EXPECT_EQ(imported.model.parameters.size(), whole.network.parameter_count);
  EXPECT_TRUE(std::equal(imported.model.parameters.begin(), imported.model.parameters.end(),
                         whole.parameters.begin()));
  expectIn("no classifier fc5", imported.notes.back());
  expectIn("network { name: \"custom\" embedding: 16 stage { channels: 8", imported.notes.at(1));
}

/// Files from before 2015: layers of the old form, blobs with four extents, numbers in double.
TEST(CaffeImport, ReadsOldForms) {
  const caffe::NetParameter net = randomNet();
  const TrainedModel expected = importModel(net).model;
  caffe::NetParameter legacy = net;
  for (caffe::LayerParameter& l : *legacy.mutable_layer()) {
    for (caffe::BlobProto& blob : *l.mutable_blobs()) {
      std::vector<int32_t> dims(4, 1);
      const auto& shape = blob.shape().dim();
      std::copy_backward(shape.begin(), shape.end(), dims.end());
      blob.clear_shape();
      blob.set_num(dims[0]);
      blob.set_channels(dims[1]);
      blob.set_height(dims[2]);
      blob.set_width(dims[3]);
    }
  }
  EXPECT_EQ(importModel(legacy).model.parameters, expected.parameters);

  caffe::NetParameter v1;
  for (const caffe::LayerParameter& l : legacy.layer()) {
    caffe::V1LayerParameter& old = *v1.add_layers();
    old.set_name(l.name());
    *old.mutable_blobs() = l.blobs();
  }
  const caffe::NetParameter read = parseCaffeModel(v1.SerializeAsString(), "v1");
  EXPECT_EQ(importModel(read, ImageSize{30, 22}).model.parameters, expected.parameters);

  caffe::NetParameter doubles = net;
  caffe::BlobProto& blob = *layer(doubles, "fc4").mutable_blobs(1);
  blob.mutable_double_data()->Add(blob.data().begin(), blob.data().end());
  // Of a blob with both, Caffe takes the doubles.
  blob.set_data(0, 77);
  EXPECT_EQ(importModel(doubles).model.parameters, expected.parameters);
  blob.clear_data();
  EXPECT_EQ(importModel(doubles).model.parameters, expected.parameters);
}

TEST(CaffeImport, NamesWhatIsMissingOrShapedOtherwise) {
  const caffe::NetParameter net = randomNet();
  const auto failure = [&](const std::function<void(caffe::NetParameter&)>& damage) {
    caffe::NetParameter damaged = net;
    damage(damaged);
    return errorOf([&] { importModel(damaged); });
  };
  expectIn("model: layer conv2_2 is missing, though there is conv2_3",
           failure([](auto& n) { remove(n, "conv2_2"); }));
  expectIn("model: layer fc4 is missing", failure([](auto& n) { remove(n, "fc4"); }));
  expectIn("layer relu3_1 is missing", failure([](auto& n) {
             for (caffe::LayerParameter& l : *n.mutable_layer())
               l.clear_bottom();
             remove(n, "relu3_1");
           }));
  expectIn("none of its layers is called conv1_1", failure([](auto& n) {
             for (caffe::LayerParameter& l : *n.mutable_layer())
               l.set_name("x" + l.name());
           }));
  expectIn(
      "layer conv2_1, blob 0 is 12 x 8 x 3 x 3 (863 numbers), expected 12 x 8 x 3 x 3",
      failure([](auto& n) { layer(n, "conv2_1").mutable_blobs(0)->mutable_data()->RemoveLast(); }));
  expectIn("layer conv2_1, blob 0 is 12 x 9 x 3 x 3 (864 numbers), expected 12 x 8 x 3 x 3",
           failure([](auto& n) {
             layer(n, "conv2_1").mutable_blobs(0)->mutable_shape()->set_dim(1, 9);
           }));
  expectIn("layer conv1_1 has 1 blobs, expected at least 2",
           failure([](auto& n) { layer(n, "conv1_1").mutable_blobs()->RemoveLast(); }));
  expectIn("layer conv1_1 has -8 outputs", failure([](auto& n) {
             layer(n, "conv1_1").clear_convolution_param();
             layer(n, "conv1_1").mutable_blobs(0)->mutable_shape()->set_dim(0, -8);
           }));
  expectIn("layer fc5 is 5 x 15 (80 numbers), expected 5 x 16", failure([](auto& n) {
             layer(n, "fc5").mutable_blobs(0)->mutable_shape()->set_dim(1, 15);
           }));
  expectIn("normalises otherwise than (byte - 127.5)", failure([](auto& n) {
             layer(n, "data").mutable_transform_param()->set_scale(1.0F / 255);
           }));
}

/// Layers of the right names that are connected or work otherwise.
TEST(CaffeImport, RefusesNetworksThatComputeSomethingElse) {
  const caffe::NetParameter net = randomNet();
  const auto failure = [&](const std::function<void(caffe::NetParameter&)>& change) {
    caffe::NetParameter changed = net;
    change(changed);
    return errorOf([&] { importModel(changed); });
  };
  expectIn("layer relu2_2 is a ReLU",
           failure([](auto& n) { layer(n, "relu2_2").set_type("ReLU"); }));
  expectIn("layer conv3_1 doesn't take the output of conv2_3",
           failure([](auto& n) { layer(n, "conv3_1").set_bottom(0, "conv2_3"); }));
  expectIn("layer res3_5 doesn't add a unit's input",
           failure([](auto& n) { layer(n, "res3_5").set_bottom(0, "conv3_1"); }));
  expectIn(
      "layer res3_5 isn't the sum of two", failure([](auto& n) {
        layer(n, "res3_5").mutable_eltwise_param()->set_operation(caffe::EltwiseParameter::MAX);
      }));
  expectIn("layer conv2_1 isn't 3x3 with pad 1, stride 2", failure([](auto& n) {
             layer(n, "conv2_1").mutable_convolution_param()->set_stride(0, 1);
           }));
  expectIn("layer conv2_2 has 13 outputs, its stage 12", failure([](auto& n) {
             layer(n, "conv2_2").mutable_convolution_param()->set_num_output(13);
           }));
  expectIn("stage 3 has 4 convolutions", failure([](auto& n) { remove(n, "conv3_5"); }));
}

TEST(CaffeImport, ListsLayersThatTheNetworkHasNot) {
  caffe::NetParameter net = randomNet();
  caffe::LayerParameter& unused = *net.add_layer();
  unused.set_name("conv5-3");
  unused.add_blobs()->mutable_shape()->add_dim(10);
  const std::vector<std::string> notes = importModel(net).notes;
  expectIn("left out: layer conv5-3, 10 (0 numbers)", notes.back());
}

TEST(CaffeImport, DamagedFilesAreErrors) {
  const std::string whole = randomNet().SerializeAsString();
  for (size_t length = 0; length < whole.size(); length += 97) {
    EXPECT_THROW(importModel(parseCaffeModel(whole.substr(0, length), "cut")), Error) << length;
  }
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 3; ++k)
      damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    try {
      importModel(parseCaffeModel(damaged, "damaged"));
    } catch (const Error&) {  // or, where a weight was hit, none
    }
  }
}

}  // namespace
}  // namespace sphereface
