// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface convert` by its command line, and what becomes of a converted checkpoint.

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "convert/caffe_export.h"
#include "convert/caffe_file.h"
#include "convert/trained_model.h"
#include "model/checkpoint.h"
#include "model/initialize.h"
#include "tests/support/caffe_solver_text.h"
#include "tests/support/convert_support.h"
#include "tests/support/process.h"
#include "tests/support/small_disk.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::expectIn;
using testing::Finished;

const fs::path kGolden = sharedFolder() / "golden" / "net";

class ConvertCommand : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  static Finished convert(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {testing::program("sphereface"), "convert"});
    return testing::runCommand(arguments);
  }

  static std::string done(const std::vector<std::string>& arguments) {
    const Finished finished = convert(arguments);
    EXPECT_EQ(finished.code, 0) << finished.output;
    return finished.output;
  }

  static void refused(const std::vector<std::string>& arguments, int code,
                      const std::string& words) {
    const Finished finished = convert(arguments);
    EXPECT_EQ(finished.code, code) << finished.output;
    expectIn(words, finished.output);
  }

  const TemporaryFolder folder_;
};

/// Around through every format: the bits stay.
TEST_F(ConvertCommand, EveryFormatKeepsTheBits) {
  const TrainedModel model = testing::randomModel(testing::smallConfig(), 5);
  writeTrainedCheckpoint(model, folder_ / "checkpoint");
  const std::string said = done(
      {"--from", path("checkpoint"), "--to", path("m.caffemodel"), "--json", path("done.json")});
  expectIn("written: " + path("m.prototxt"), said);
  const Json json = readJsonFile(folder_ / "done.json");
  EXPECT_EQ(json.at("network"), "custom");
  EXPECT_EQ(json.at("classes"), 5);
  EXPECT_EQ(json.at("written").size(), 2U);
  done({"--from", path("m.caffemodel"), "--to", path("m.safetensors")});
  done({"--from", path("m.safetensors"), "--to", path("again")});
  EXPECT_EQ(readFile(folder_ / "again" / kParametersFile),
            readFile(folder_ / "checkpoint" / kParametersFile));
  EXPECT_EQ(readTrainedCheckpoint(folder_ / "again", true).parameters, model.parameters);
  done({"--from", path("again"), "--to", path("m.onnx"), "--mirror", "sum", "--l2-normalize"});
  EXPECT_TRUE(fs::exists(folder_ / "m.onnx"));
}

TEST_F(ConvertCommand, WrongTurnsAreNamed) {
  writeTrainedCheckpoint(testing::randomModel(testing::smallConfig(), 5), folder_ / "checkpoint");
  const std::string from = path("checkpoint");
  writeFileAtomically(folder_ / "m.prototxt", "mine");
  refused({"--from", from, "--to", path("m.caffemodel")}, 2,
          "m.prototxt, to be written too, exists");
  EXPECT_EQ(readFile(folder_ / "m.prototxt"), "mine");
  refused({"--from", from, "--to", from}, 2, "exists already");
  refused({"--from", path("none"), "--to", path("x")}, 1, "no such file or folder");
  refused({"--from", path("m.prototxt"), "--to", path("x")}, 1, "is no checkpoint");
  refused({"--from", "m.onnx", "--to", path("x")}, 2, "ONNX is only written");
  refused({"--from", from, "--to", path("x"), "--mirror", "sum"}, 2, "belong to --to MODEL.onnx");
  refused({"--from", from, "--to", path("x"), "--image-size", "1x1"}, 2,
          "belong to --from MODEL.caffemodel");
  refused({"--to", path("x")}, 2, "either --from, a model, or --solver");
  writeFileAtomically(folder_ / "bad.caffemodel", "not a model");
  refused({"--from", path("bad.caffemodel"), "--to", path("x")}, 1,
          "bad.caffemodel: no whole Caffe");
  refused({"--from", path("bad.caffemodel"), "--to", path("x"), "--image-size", "0x5"}, 2,
          "expected height x width");
  EXPECT_FALSE(fs::exists(folder_ / "x"));
  EXPECT_FALSE(fs::exists(folder_ / "x.writing"));
}

TEST_F(ConvertCommand, AFullDiskLeavesNothing) {
  writeTrainedCheckpoint(testing::randomModel(testing::smallConfig(), 5), folder_ / "checkpoint");
  const testing::SmallDisk disk(folder_ / "small", "32k");
  if (!disk.mounted()) GTEST_SKIP() << disk.problem();
  for (const char* const name : {"m.caffemodel", "m.safetensors", "m.onnx", "checkpoint"}) {
    refused({"--from", path("checkpoint"), "--to", path(std::string("small/") + name)}, 1,
            "No space left on device");
    EXPECT_TRUE(fs::is_empty(folder_ / "small")) << name;
  }
}

TEST_F(ConvertCommand, TakesOverASolverWithTheNetBesideIt) {
  SPHEREFACE_NEEDS(kGolden);
  const std::string said =
      done({"--solver", (kGolden / "mini_solver_b.prototxt").string(), "--to", path("b.textproto"),
            "--lmdb", path("train.lmdb"), "--json", path("done.json")});
  expectIn("mini_solver_b.prototxt:10: snapshot_prefix", said);
  expectIn("lmdb: \"" + path("train.lmdb"), readFile(folder_ / "b.textproto"));
  EXPECT_EQ(readJsonFile(folder_ / "done.json").at("network"), "custom");
  writeFileAtomically(folder_ / "s.prototxt", "\xef\xbb\xbfnet: \"code/n.prototxt\"");
  refused({"--solver", path("s.prototxt"), "--to", path("c.textproto")}, 1,
          "its net code/n.prototxt is neither there nor at " + path("n.prototxt"));
}

/// What would train or compute something else leaves no file, and says which layer it is.
TEST_F(ConvertCommand, RefusesByNameWhatItCanNotTakeOver) {
  const std::string net =
      testing::kData + testing::layersOf("sphereface-4") + std::string(testing::kHead);
  writeFileAtomically(folder_ / "s.prototxt", testing::kSolver);
  const std::vector<std::string> solver = {"--solver", path("s.prototxt"), "--to",
                                           path("c.textproto"), "--net"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), solver.begin(), solver.end());
    return arguments;
  };
  writeFileAtomically(folder_ / "center.prototxt",
                      net + "layer { name: \"pull\" type: \"CenterLoss\" bottom: \"fc5\" }");
  refused(with({path("center.prototxt")}), 2, "layer: pull: a CenterLoss has no counterpart here");
  writeFileAtomically(folder_ / "plus.prototxt",
                      net + "layer { name: \"inter\" type: \"InterClass\" bottom: \"fc5\" }");
  refused(with({path("plus.prototxt")}), 2, "--mhe-weight");
  refused(with({path("plus.prototxt"), "--mhe-weight", "-1"}), 2, "--mhe-weight");
  EXPECT_FALSE(fs::exists(folder_ / "c.textproto"));
  done(with({path("plus.prototxt"), "--mhe-weight", "0.1"}));
  expectIn("mhe_weight: 0.1", readFile(folder_ / "c.textproto"));

  std::vector<std::string> notes;
  writeCaffeModel(testing::randomModel(testing::smallConfig(), 5), folder_ / "m.caffemodel", notes);
  caffe::NetParameter model = parseCaffeModel(readFile(folder_ / "m.caffemodel"), "model");
  caffe::LayerParameter& layer = *model.add_layer();
  layer = model.layer(0);
  caffe::LayerParameter& pre = *model.mutable_layer(0);
  pre.Clear();
  pre.set_name("pre");
  pre.set_type("Power");
  pre.add_bottom("bytes");
  pre.add_top("data");
  pre.mutable_power_param()->set_shift(-0.5F);
  layer.set_top(0, "bytes");
  std::rotate(model.mutable_layer()->begin(), model.mutable_layer()->end() - 1,
              model.mutable_layer()->end());
  writeFileAtomically(folder_ / "pre.caffemodel", model.SerializeAsString());
  refused({"--from", path("pre.caffemodel"), "--to", path("x")}, 1,
          "layer pre, a Power, adds to the images ahead of conv1_1");
  EXPECT_FALSE(fs::exists(folder_ / "x"));
  model.mutable_layer(1)->mutable_power_param()->set_shift(0);
  writeFileAtomically(folder_ / "scaled.caffemodel", model.SerializeAsString());
  expectIn("folded into the weights: layer pre, a Power",
           done({"--from", path("scaled.caffemodel"), "--to", path("x")}));
}

TEST_F(ConvertCommand, ReadsThePublishedImplementationsModel) {
  SPHEREFACE_NEEDS(kGolden);
  done({"--from", (kGolden / "mini_a_iter_3.caffemodel").string(), "--solverstate",
        (kGolden / "mini_a_iter_3.solverstate").string(), "--to", path("mini")});
  const Finished inspected =
      testing::runCommand({testing::program("sphereface"), "inspect", path("mini"), "--verify"});
  EXPECT_EQ(inspected.code, 0) << inspected.output;
  expectIn("step            3", inspected.output);
  expectIn("NaN or infinite: 0 of the parameters, 0 of the momenta", inspected.output);
}

/// Fine-tuning: other people, so another head.
TEST(ConvertedCheckpoint, StartsARunOnOtherIdentities) {
  for (const uint32_t classes : {0, 5}) {
    const TemporaryFolder folder;
    const TrainedModel model = testing::randomModel(testing::smallConfig(), classes);
    writeTrainedCheckpoint(model, folder / "checkpoint");
    EngineOptions options;
    options.network = model.network;
    options.classes = 9;
    options.batch = 1;
    const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
    initializeWeights(model.network, 0, 3, *engine);
    const std::vector<float> head(engine->head().parameters.begin(),
                                  engine->head().parameters.end());
    DatasetManifest data;
    data.set_sha256("of the new people");
    data.set_color_order(DatasetManifest::BGR);
    data.set_alignment_template("unknown");
    expectIn(classes == 0 ? "the head starts anew, as it has none"
                          : "the head starts anew, as its 5 classes are those of another data set",
             initializeFromCheckpoint(folder / "checkpoint", data, model.network, *engine));
    EXPECT_TRUE(
        std::ranges::equal(engine->trunk().parameters,
                           std::span(model.parameters).first(model.network.parameter_count)));
    EXPECT_TRUE(std::ranges::equal(engine->head().parameters, head));
  }
}

}  // namespace
}  // namespace sphereface
