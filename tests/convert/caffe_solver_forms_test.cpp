// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Caffe solvers and training nets in many forms: what is accepted trains what it said, and what is
// refused is named.

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "base/random.h"
#include "convert/caffe_solver.h"
#include "tests/support/caffe_solver_text.h"
#include "tests/support/convert_support.h"

namespace sphereface {
namespace {

using testing::errorOf;
using testing::expectIn;

const std::string kNet = testing::kData + testing::layersOf("sphereface-10") + testing::kHead;

SolverImport importNet(const std::string& net, double mhe_weight = 0) {
  return importSolver({testing::kSolver, "s"}, {net, "n"}, 1, std::nullopt, mhe_weight);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// --------------------------------------------------------------------------------- the solver

constexpr const char* kLeast = R"(net: "n"
base_lr: 0.1
max_iter: 28000
momentum: 0.9
weight_decay: 0.0005
)";

enum class Verdict { kNoMeaning, kRefused, kTaken };

struct SolverField {
  std::string name;  // a solver has one of each
  std::string text;
  Verdict verdict = Verdict::kNoMeaning;
  std::function<void(TrainConfig&)> effect = {};
};

std::vector<SolverField> solverFields() {
  using enum Verdict;
  std::vector<SolverField> fields;
  for (const char* const text : {"test_iter: 100",
                                 "test_interval: 500",
                                 "test_initialization: false",
                                 "test_net: \"t\"",
                                 "test_compute_loss: true",
                                 "average_loss: 20",
                                 "snapshot_prefix: \"r/x\"",
                                 "snapshot_diff: true",
                                 "snapshot_format: HDF5",
                                 "snapshot_after_train: false",
                                 "solver_mode: GPU",
                                 "solver_mode: 0",
                                 "device_id: 3",
                                 "random_seed: 1701",
                                 "debug_info: true",
                                 "layer_wise_reduce: false",
                                 "delta: 1e-6",
                                 "momentum2: 0.99",
                                 "rms_decay: 0.98",
                                 "type: \"SGD\"",
                                 "solver_type: SGD",
                                 "solver_type: 0",
                                 "regularization_type: \"L2\"",
                                 "clip_gradients: -1",
                                 "iter_size: 1",
                                 "test_state { phase: TEST stage: \"t\" }"}) {
    fields.push_back({std::string(text).substr(0, std::string(text).find_first_of(": ")), text});
  }
  for (const char* const text : {"type: \"Nesterov\"",
                                 "type: \"Adam\"",
                                 "type: \"sgd\"",
                                 "solver_type: NESTEROV",
                                 "solver_type: 1",
                                 "solver_type: ADAM",
                                 "solver_type: 4",
                                 "regularization_type: \"L1\"",
                                 "lr_policy: \"exp\"",
                                 "lr_policy: \"inv\"",
                                 "lr_policy: \"sigmoid\"",
                                 "lr_policy: \"plateau\"",
                                 "lr_policy: \"Step\"",
                                 "iter_size: 0",
                                 "clip_gradients: 0",
                                 "train_state { stage: \"a\" }",
                                 "net_param { name: \"x\" }",
                                 "weights: \"a.caffemodel\"",
                                 "train_net_param { name: \"x\" }",
                                 "warmup_iter: 500",
                                 "plateau_winsize: 3",
                                 "min_lr: 0.001",
                                 "local_gw_ratio: 0.5",
                                 "lr_policy: \"multistep\" stepvalue: 5 stepvalue: 4"}) {
    const std::string all = text;
    fields.push_back({all.substr(0, all.find_first_of(": ")), all, kRefused});
  }
  const auto taken = [&](const std::string& name, const std::string& text,
                         std::function<void(TrainConfig&)> effect) {
    fields.push_back({name, text, kTaken, std::move(effect)});
  };
  taken("lr_policy", "lr_policy: \"step\" stepsize: 50 gamma: 0.5", [](TrainConfig& c) {
    c.mutable_solver()->set_policy(SolverConfig::STEP);
    c.mutable_solver()->set_stepsize(50);
    c.mutable_solver()->set_gamma(0.5);
  });
  taken("lr_policy", "lr_policy: \"poly\" power: 2.5", [](TrainConfig& c) {
    c.mutable_solver()->set_policy(SolverConfig::POLY);
    c.mutable_solver()->set_power(2.5);
  });
  taken("lr_policy", "lr_policy: \"multistep\" stepvalue: 7 stepvalue: 9 gamma: 0.3",
        [](TrainConfig& c) {
          c.mutable_solver()->set_policy(SolverConfig::MULTISTEP);
          c.mutable_solver()->add_step_value(7);
          c.mutable_solver()->add_step_value(9);
          c.mutable_solver()->set_gamma(0.3);
        });
  taken("iter_size", "iter_size: 4", [](TrainConfig& c) { c.mutable_solver()->set_iter_size(4); });
  taken("clip_gradients", "clip_gradients: 8",
        [](TrainConfig& c) { c.mutable_solver()->set_clip_gradients(8); });
  taken("snapshot", "snapshot: 500", [](TrainConfig& c) {
    c.mutable_checkpoint()->set_every_steps(500);
    c.mutable_checkpoint()->set_keep(0);
  });
  taken("display", "display: 10",
        [](TrainConfig& c) { c.mutable_coordinator()->set_log_every_steps(10); });
  return fields;
}

TEST(CaffeSolverForms, NoFieldOfASolverIsTakenInWrongly) {
  const std::vector<SolverField> fields = solverFields();
  const TrainConfig least =
      importSolver({concat(kLeast, "lr_policy: \"fixed\"\n"), "s"}, {kNet, "n"}, 1, std::nullopt)
          .config;
  int accepted = 0;
  int refused = 0;
  for (uint64_t form = 0; form < 300; ++form) {
    Random random(28, form);
    std::string text = kLeast;
    TrainConfig expected = least;
    std::set<std::string> names;
    std::set<std::string> wrong;  // "s:LINE: NAME"
    const uint64_t count = 1 + random.below(5);
    for (uint64_t i = 0; i < count; ++i) {
      const SolverField& field = fields[random.below(fields.size())];
      if (!names.insert(field.name).second) continue;
      text += field.text + "\n";
      const auto line = std::count(text.begin(), text.end(), '\n');
      if (field.verdict == Verdict::kRefused) {
        wrong.insert(field.name == "clip_gradients" ? std::string("s: its solver.clip_gradients")
                     : field.text.find("stepvalue") != std::string::npos
                         ? concat("s:", line, ": stepvalue")
                         : concat("s:", line, ": ", field.name));
      }
      if (field.effect) field.effect(expected);
    }
    if (!names.contains("lr_policy")) text += "lr_policy: \"fixed\"\n";
    if (expected.solver().clip_gradients() > 0) {  // Caffe compares the sum of the passes
      expected.mutable_solver()->set_clip_gradients(expected.solver().clip_gradients() /
                                                    expected.solver().iter_size());
    }
    try {
      const SolverImport imported = importSolver({text, "s"}, {kNet, "n"}, 1, std::nullopt);
      ++accepted;
      EXPECT_TRUE(wrong.empty()) << text;
      EXPECT_EQ(printText(imported.config), printText(expected)) << text;
    } catch (const Error& e) {
      ++refused;
      const std::string said = e.what();
      EXPECT_TRUE(std::ranges::any_of(wrong, [&](const auto& w) { return said.starts_with(w); }))
          << said << "\n"
          << text;
    }
  }
  std::printf("%d solvers accepted, %d refused by field and line\n", accepted, refused);
  EXPECT_GE(accepted, 20);
  EXPECT_GE(refused, 20);
}

// ------------------------------------------------------------------------------------ the net

/// A layer of any type at any place of the training net. Only what measures, what isn't trained and
/// what nobody takes may be accepted, and then the configuration is as without it.
TEST(CaffeSolverForms, NoLayerOfATrainingNetIsTakenInWrongly) {
  const std::vector<std::string> types = {"Dropout",
                                          "BatchNorm",
                                          "Scale",
                                          "Power",
                                          "ReLU",
                                          "PReLU",
                                          "CenterLoss",
                                          "ContrastiveLoss",
                                          "TripletLoss",
                                          "EuclideanLoss",
                                          "SoftmaxWithLoss",
                                          "InnerProduct",
                                          "Convolution",
                                          "Normalize",
                                          "LRN",
                                          "Pooling",
                                          "Concat",
                                          "Slice",
                                          "Bias",
                                          "Embed",
                                          "Reshape",
                                          "Python",
                                          "HingeLoss",
                                          "InterClass",
                                          "Flip",
                                          "LabelSpecificAdd",
                                          "Softmax",
                                          "Exp",
                                          "Tile",
                                          "MarginInnerProduct",
                                          "Input",
                                          "Data",
                                          "ImageData",
                                          "HDF5Data",
                                          "DummyData",
                                          "Accuracy",
                                          "Silence",
                                          "ArgMax",
                                          "Split",
                                          "Eltwise"};
  const std::set<std::string> harmless = {"Accuracy", "Silence", "ArgMax", "Split", "Eltwise"};
  const std::string expected = printText(importNet(kNet).config);
  std::vector<size_t> starts;
  for (size_t at = kNet.find("layer {"); at != std::string::npos; at = kNet.find("layer {", at + 1))
    starts.push_back(at);
  const std::vector<std::string> blobs = {"data",   "label", "conv1_1", "conv2_1", "conv2_3",
                                          "res2_3", "fc5",   "fc6",     "conv4_1", "res4_3"};
  int accepted = 0;
  int refused = 0;
  for (uint64_t form = 0; form < 400; ++form) {
    Random random(29, form);
    const std::string& type = types[random.below(types.size())];
    const std::string& blob = blobs[random.below(blobs.size())];
    const std::array<const char*, 7> rules = {"",
                                              "",
                                              "",
                                              "include { phase: TRAIN }",
                                              "include { phase: TEST }",
                                              "exclude { phase: TRAIN }",
                                              "include { stage: \"other\" }"};
    const uint64_t rule = random.below(rules.size());
    const bool trained = rule < 4;
    const bool of_data = type.ends_with("Data") || type == "Input";
    const bool in_place = !of_data && !harmless.contains(type) && random.below(2) == 0;
    std::string layer = concat("layer { name: \"extra\" type: \"", type, "\" ", rules[rule]);
    if (!of_data) layer += concat(" bottom: \"", blob, "\"");
    if (type == "Eltwise") layer += concat(" bottom: \"", blob, "\"");
    layer += concat(" top: \"", in_place ? blob : "extra", "\" }\n");
    const std::string text = std::string(kNet).insert(starts[random.below(starts.size())], layer);
    try {
      const SolverImport imported = importNet(text);
      ++accepted;
      EXPECT_TRUE(!trained || harmless.contains(type)) << layer;
      EXPECT_EQ(printText(imported.config), expected) << layer;
    } catch (const Error& e) {
      ++refused;
      EXPECT_NE(std::string(e.what()).find("extra"), std::string::npos) << e.what() << "\n"
                                                                        << layer;
      EXPECT_TRUE(trained) << e.what() << "\n" << layer;
    }
  }
  std::printf("%d training nets accepted, %d refused by the layer's name\n", accepted, refused);
  EXPECT_GE(accepted, 20);
  EXPECT_GE(refused, 20);
}

struct LayerField {
  std::string layer;
  std::string behind;  // text of the layer that the field is put behind
  std::string field;
};

/// kNet with a field in a layer.
std::string withField(const LayerField& form) {
  std::string text = kNet;
  const size_t layer = form.layer.empty() ? 0 : text.find("name: \"" + form.layer + "\"");
  EXPECT_NE(layer, std::string::npos) << form.layer;
  const std::string behind =
      form.behind.empty() ? "name: \"" + form.layer + "\"" : form.behind + " {";
  if (form.layer.empty()) return form.field + "\n" + text;
  return text.insert(text.find(behind, layer) + behind.size(), "\n " + form.field + "\n");
}

TEST(CaffeSolverForms, NoFieldOfALayerIsTakenInWrongly) {
  const std::vector<LayerField> harmless = {
      {"", "", "force_backward: true"},
      {"", "", "debug_info: true"},
      {"data", "", "include { phase: TRAIN }"},
      {"data", "", "exclude { phase: TEST }"},
      {"data", "", "include { phase: 0 min_level: 0 not_stage: \"x\" }"},
      {"data", "", "phase: TRAIN"},
      {"data", "transform_param", "force_color: true"},
      {"data", "image_data_param", "root_folder: \"x\""},
      {"data", "image_data_param", "is_color: true"},
      {"data", "image_data_param", "new_height: 112 new_width: 96"},
      {"conv2_1", "convolution_param", "engine: CAFFE"},
      {"conv2_1", "convolution_param", "engine: 2"},
      {"conv2_1", "convolution_param", "force_nd_im2col: true"},
      {"conv2_1", "convolution_param", "dilation: 1"},
      {"conv2_1", "weight_filler", "variance_norm: AVERAGE"},
      {"conv2_1", "", "propagate_down: true"},
      {"conv2_1", "param", "name: \"own\""},
      {"relu2_1", "", "prelu_param { filler { value: 0.25 } }"},
      {"relu2_1", "", "param { lr_mult: 1 decay_mult: 1 }"},
      {"res2_3", "eltwise_param", "coeff: 1 coeff: 1"},
      {"loss", "", "loss_weight: 1"},
      {"loss", "", "loss_param { normalization: VALID }"},
      {"loss", "", "loss_param { normalize: true }"}};
  const std::vector<LayerField> wrong = {{"", "", "state { level: 1 }"},
                                         {"data", "", "include { phase: TEST }"},
                                         {"data", "", "include { min_level: 1 }"},
                                         {"data", "transform_param", "force_gray: true"},
                                         {"data", "transform_param", "mean_file: \"m\""},
                                         {"data", "transform_param", "crop_size: 96"},
                                         {"data", "transform_param", "rotation: 10"},
                                         {"data", "transform_param", "mean_value: 3"},
                                         {"data", "image_data_param", "is_color: false"},
                                         {"data", "image_data_param", "mirror: true"},
                                         {"data", "image_data_param", "label_num: 2"},
                                         {"data", "image_data_param", "balance_class: true"},
                                         {"conv2_1", "convolution_param", "pad_h: 2"},
                                         {"conv2_1", "convolution_param", "dilation: 2"},
                                         {"conv2_1", "convolution_param", "group: 2"},
                                         {"conv2_1", "convolution_param", "bias_term: false"},
                                         {"conv2_1", "convolution_param", "axis: 2"},
                                         {"conv2_1", "", "param { lr_mult: 0.1 }"},
                                         {"conv2_1", "", "param { lr_mult: 0 decay_mult: 0 }"},
                                         {"conv2_1", "", "propagate_down: false"},
                                         {"conv2_1", "", "loss_weight: 0.1"},
                                         {"conv2_1", "", "quantization: 8"},
                                         {"relu2_1", "", "prelu_param { channel_shared: true }"},
                                         {"relu2_1", "", "param { lr_mult: 2 }"},
                                         {"res2_3", "eltwise_param", "coeff: 1 coeff: -1"},
                                         {"fc5", "inner_product_param", "transpose: true"},
                                         {"fc5", "inner_product_param", "axis: 2"},
                                         {"fc5", "inner_product_param", "normalize: true"},
                                         {"fc6", "", "param { lr_mult: 10 decay_mult: 1 }"},
                                         {"fc6", "", "param { decay_mult: 0 }"},
                                         {"fc6", "margin_inner_product_param", "axis: 1"},
                                         {"fc6", "margin_inner_product_param", "triplet: true"},
                                         {"loss", "", "loss_weight: 0.5"},
                                         {"loss", "", "loss_weight: 0"},
                                         {"loss", "", "loss_param { ignore_label: 0 }"},
                                         {"loss", "", "loss_param { normalization: 3 }"},
                                         {"loss", "", "softmax_param { axis: 2 }"}};
  const std::string expected = printText(importNet(kNet).config);
  for (const LayerField& form : harmless) {
    SCOPED_TRACE(form.layer + ": " + form.field);
    std::string got;
    EXPECT_NO_THROW(got = printText(importNet(withField(form)).config));
    EXPECT_EQ(got, expected);
  }
  for (const LayerField& form : wrong) {
    SCOPED_TRACE(form.layer + ": " + form.field);
    const std::string said = errorOf([&] { importNet(withField(form)); });
    EXPECT_TRUE(said.starts_with("n:")) << said;
    EXPECT_TRUE(said.find(form.layer) != std::string::npos) << said;
  }
  std::printf("%zu fields without meaning, %zu refused\n", harmless.size(), wrong.size());
}

// ---------------------------------------------------------------------------------- heads

constexpr const char* kAmSoftmax = R"(
layer { name: "norm1" type: "Normalize" bottom: "fc5" top: "norm1" }
layer { name: "fc6_l2" type: "InnerProduct" bottom: "norm1" top: "fc6" param { lr_mult: 1 }
  inner_product_param { num_output: 37 bias_term: false normalize: true } }
layer { name: "margin" type: "LabelSpecificAdd" bottom: "fc6" bottom: "label" top: "fc6_margin"
  label_specific_add_param { bias: -0.35 } }
layer { name: "scale" type: "Scale" bottom: "fc6_margin" top: "fc6_scale"
  param { lr_mult: 0 decay_mult: 0 } scale_param { filler { type: "constant" value: 30 } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc6_scale" bottom: "label" top: "loss" }
layer { name: "Accuracy" type: "Accuracy" bottom: "fc6_scale" bottom: "label" top: "accuracy"
  accuracy_param { top_k: 5 } include { phase: TEST } }
)";

const std::string kTrunk = testing::kData + testing::layersOf("sphereface-4");

TEST(CaffeSolverForms, AmSoftmaxBecomesCosFace) {
  const HeadConfig head = importNet(kTrunk + kAmSoftmax).config.head();
  EXPECT_EQ(head.type(), HeadConfig::COSFACE);
  EXPECT_EQ(head.margin(), 0.35);
  EXPECT_EQ(head.scale(), 30);
  // The addition behind the factor: 30 (cosine - 0.35) = 30 cosine - 10.5.
  std::string later = replaced(kAmSoftmax, R"(layer { name: "loss")",
                               R"(layer { name: "late" type: "LabelSpecificAdd" bottom: "fc6_scale"
      bottom: "label" top: "fc6_scale" label_specific_add_param { bias: -10.5 } }
      layer { name: "loss")");
  later = replaced(later, "LabelSpecificAdd", "Power");
  later = replaced(later, R"(bottom: "label" top: "fc6_margin")", R"(top: "fc6_margin")");
  later = replaced(later, "label_specific_add_param { bias: -0.35 }", "");
  const HeadConfig same = importNet(kTrunk + later).config.head();
  EXPECT_EQ(printText(same), printText(head));
  const std::string without = replaced(later, "bias: -10.5", "bias: 0");
  EXPECT_EQ(importNet(kTrunk + without).config.head().margin(), 0);

  const auto refused = [&](const std::string& words, const std::string& from,
                           const std::string& to) {
    expectIn(words, errorOf([&] { importNet(kTrunk + replaced(kAmSoftmax, from, to)); }));
  };
  refused("margin: adds 0.35 to the label's number", "-0.35", "0.35");
  refused("layer: margin, a LabelSpecificAdd: bias_base: has no", "-0.35", "-0.35 bias_base: 1");
  refused("scale: a Scale behind the classifier", "lr_mult: 0", "lr_mult: 1");
  refused("scale: a Scale behind the classifier", "value: 30", "value: -30");
  refused("fc6_l2: takes features of length 1 with weights of any", " normalize: true", "");
  refused("fc6_l2: a bias of the classifier", "bias_term: false ", "");
  refused("fc6_l2: normalises its weights, but", R"(bottom: "norm1")", R"(bottom: "fc5")");
  refused("norm1, a Normalize: norm_param: has no counterpart", R"(top: "norm1")",
          R"(top: "norm1" norm_param { across_spatial: false })");
  refused("loss: doesn't take fc6_scale, the last of", R"("SoftmaxWithLoss" bottom: "fc6_scale")",
          R"("SoftmaxWithLoss" bottom: "fc6_margin")");
}

TEST(CaffeSolverForms, InterClassTakesItsWeightFromTheOption) {
  const std::string net = kTrunk + testing::kHead + R"(
layer { name: "inter" type: "InterClass" bottom: "fc5" bottom: "label" top: "m"
  param { name: "fc6_w" } inter_class_param { num_output: 10572 type: AMONG alpha_start_value: 10 } })";
  expectIn("inter: an InterClass is SphereFace+'s head.mhe_weight here",
           errorOf([&] { importNet(net); }));
  const SolverImport imported = importNet(net, 0.1);
  EXPECT_EQ(imported.config.head().mhe_weight(), 0.1);
  EXPECT_EQ(imported.config.head().type(), HeadConfig::A_SOFTMAX);
  expectIn("inter: its alpha: head.mhe_weight is 0.1", imported.ignored.back());
  expectIn("--mhe-weight: the net has no InterClass", errorOf([&] { importNet(kNet, 0.1); }));
}

TEST(CaffeSolverForms, DamagedTextsAreErrors) {
  const std::string whole = kTrunk + kAmSoftmax;
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 3; ++k)
      damaged[random.below(damaged.size())] = whole[random.below(whole.size())];
    try {
      importNet(damaged);
    } catch (const Error&) {  // or, where a comment or a name without meaning was hit, none
    }
  }
}

TEST(CaffeSolverForms, OldSpellingsAreNamed) {
  expectIn(
      "n: layers a, ...: a net of the form from before 2015", errorOf([&] {
        importNet("layers { name: \"a\" type: CONVOLUTION bottom: \"data\" top: \"a\" }\n" + kNet);
      }));
  expectIn("n:1:", errorOf([&] { importNet("layers { name: \"a\" type: PRELU }\n" + kNet); }));
  expectIn("fc6: iteration -1 is before 0",
           errorOf([&] { importNet(replaced(kNet, "iteration: 77", "iteration: -1")); }));
  expectIn("s: names two nets, a and train_net b", errorOf([&] {
             netOfSolver({"net: \"a\" train_net: \"b\"", "s"});
           }));
  const std::string numbers = replaced(kNet, "type: TRIPLE", "type: 2");
  EXPECT_EQ(importNet(numbers).config.head().margin(), 3);
}

}  // namespace
}  // namespace sphereface
