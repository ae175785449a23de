// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/train_config.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"

namespace sphereface {
namespace {

class TrainConfigTest : public ::testing::Test {
 protected:
  TrainConfig load(const std::string& text, const std::vector<std::string>& overrides = {}) {
    writeFileAtomically(file_, text);
    return loadTrainConfig(file_, overrides);
  }

  std::string errorOf(const std::string& text, const std::vector<std::string>& overrides = {}) {
    try {
      load(text, overrides);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "no error";
  }

  const std::string good_ =
      "data { lmdb: \"x\" }\n"
      "network { name: \"sphereface-4\" }\n"
      "solver {\n"
      "  warmup: 3\n"
      "  steps: 10\n"
      "}\n";
  const TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "config.textproto";
};

TEST_F(TrainConfigTest, DefaultsAreThePublishedSolver) {
  const TrainConfig config = load(good_);
  EXPECT_EQ(config.solver().momentum(), 0.9);
  EXPECT_EQ(config.solver().weight_decay(), 0.0005);
  EXPECT_EQ(headMargin(config.head()), 4);
  EXPECT_EQ(config.head().lambda().base(), 1000);
  EXPECT_EQ(config.head().lambda().minimum(), 5);
  EXPECT_EQ(headOptions(config.head()).gradient, HeadOptions::Gradient::kReference);
}

TEST_F(TrainConfigTest, EachHeadHasItsPublishedDefaults) {
  using Gradient = HeadOptions::Gradient;
  struct Published {
    const char* type;
    double margin;
    Gradient gradient;
  };
  for (const Published& p : {Published{"A_SOFTMAX", 4, Gradient::kReference},
                             {"SOFTMAX", 1, Gradient::kExact},
                             {"NORMFACE", 1, Gradient::kExact},
                             {"COSFACE", 0.35, Gradient::kExact},
                             {"ARCFACE", 0.5, Gradient::kExact},
                             {"SPHEREFACE_R_V1", 1.5, Gradient::kDetached},
                             {"SPHEREFACE_R_V2", 1.5, Gradient::kDetached}}) {
    const HeadConfig head = load(good_, {concat("head.type=", p.type)}).head();
    EXPECT_EQ(headMargin(head), p.margin) << p.type;
    EXPECT_EQ(headOptions(head).gradient, p.gradient) << p.type;
    EXPECT_EQ(headOptions(head).scale, 30) << p.type;
    EXPECT_FALSE(headOptions(head).streaming.has_value());
  }
}

TEST_F(TrainConfigTest, HeadSettingsThatMeanNothingAreNamed) {
  const std::pair<const char*, const char*> wrong[] = {
      {"margin: 2.5", "head.margin: must be 1, 2, 3 or 4, not 2.5"},
      {"type: NORMFACE margin: 0.3", "head.margin: NORMFACE has none"},
      {"type: COSFACE margin: 4", "head.margin: must be in [0, 1], not 4"},
      {"type: ARCFACE margin: 2", "head.margin: must be in [0, 1.5] radians, not 2"},
      {"type: SPHEREFACE_R_V1 margin: 0.5", "head.margin: must be in [1, 8], not 0.5"},
      {"type: COSFACE lambda { base: 9 }", "head.lambda: belongs to A_SOFTMAX; COSFACE has none"},
      {"type: ARCFACE gradient: REFERENCE",
       "head.gradient: REFERENCE is A_SOFTMAX's; ARCFACE takes EXACT or DETACHED"},
      {"type: SOFTMAX gradient: REFERENCE",
       "head.gradient: REFERENCE is A_SOFTMAX's; SOFTMAX takes EXACT"},
      {"gradient: DETACHED", "head.gradient: DETACHED needs a type that normalises embeddings"},
      {"scale: 24", "head.scale: belongs to types that normalise embeddings"},
      {"type: COSFACE scale: 0", "head.scale: 0 is outside (0, 1e4]"},
      {"margin_warmup_steps: 9", "head.margin_warmup_steps: A_SOFTMAX has no margin that rises"},
      {"mhe_weight: -1", "head.mhe_weight: -1 is outside [0, 1e6]"},
      {"type: SOFTMAX mhe_weight: 1", "head.mhe_weight: needs weights of unit length"},
  };
  for (const auto& [text, message] : wrong) {
    const std::string error = errorOf(concat(good_, "head { ", text, " }\n"));
    EXPECT_NE(error.find(concat(file_.string(), ":7: ", message)), std::string::npos) << error;
  }
}

TEST_F(TrainConfigTest, OverridesReplaceWhatTheFileSays) {
  const TrainConfig config =
      load(good_, {"solver.base_learning_rate=0.05", "solver.step_value=[3,7]", "name=other",
                   "head.lambda.gamma=0.5", "head.gradient=EXACT", "data.mirror=false"});
  EXPECT_EQ(config.solver().base_learning_rate(), 0.05);
  EXPECT_EQ(config.solver().step_value_size(), 2);
  EXPECT_EQ(config.name(), "other");
  EXPECT_EQ(config.head().lambda().gamma(), 0.5);
  EXPECT_EQ(config.head().gradient(), HeadConfig::EXACT);
  EXPECT_FALSE(config.data().mirror());
}

TEST_F(TrainConfigTest, AnUnknownFieldIsNamedWithFileAndLine) {
  const std::string error = errorOf(good_ + "worker { thread: 1 }\n");
  EXPECT_NE(error.find(file_.string() + ":7:"), std::string::npos) << error;
  EXPECT_NE(error.find("\"thread\""), std::string::npos) << error;
}

TEST_F(TrainConfigTest, AnImpossibleValueIsNamedWithFileLineAndField) {
  std::string text = good_;
  text.replace(text.find("steps: 10"), 9, "steps: 0 ");
  EXPECT_NE(errorOf(text).find(file_.string() + ":5: solver.steps: 0 is outside [1, 1e12] steps"),
            std::string::npos)
      << errorOf(text);
  EXPECT_NE(errorOf(good_ + "head { margin: 5 }\n").find(":7: head.margin"), std::string::npos);
  EXPECT_NE(errorOf(good_, {"network.name=vgg"}).find("network.name \"vgg\" is unknown"),
            std::string::npos);
}

TEST_F(TrainConfigTest, AnAugmentationOutsideItsRangeIsNamed) {
  for (const char* probability : {"low_resolution", "grayscale", "cutout"}) {
    const std::string field = concat("data.", probability);
    EXPECT_NE(errorOf(good_, {field + "=1.5"}).find(field + ": 1.5 is outside [0, 1]"),
              std::string::npos);
    EXPECT_NE(errorOf(good_, {field + "=-0.1"}).find(field), std::string::npos);
  }
  for (const char* deviation :
       {"rotation", "scale", "shift", "color_gain", "contrast", "brightness"}) {
    const std::string field = concat("data.", deviation);
    EXPECT_NE(errorOf(good_, {field + "=-1"}).find(field + ": -1 is outside [0, "),
              std::string::npos);
  }
}

TEST_F(TrainConfigTest, TheLengthIsSetOnce) {
  EXPECT_EQ(load(good_, {"solver.epochs=2.5"}).solver().epochs(), 2.5);
  EXPECT_FALSE(load(good_, {"solver.epochs=2.5"}).solver().has_steps()) << "replaced";
  EXPECT_EQ(load(good_, {"solver.images=14336000"}).solver().images(), 14336000U);
  std::string text = good_;
  text.replace(text.find("  steps: 10\n"), 12, "  steps: 10 epochs: 2\n");
  EXPECT_NE(errorOf(text).find(file_.string() + ":5:"), std::string::npos) << errorOf(text);
  EXPECT_NE(errorOf(text).find("\"epochs\" is specified along with field \"steps\""),
            std::string::npos)
      << errorOf(text);
  text.replace(text.find("  steps: 10 epochs: 2\n"), 22, "");
  EXPECT_NE(errorOf(text).find(":3: solver.steps: needed, or epochs or images"), std::string::npos)
      << errorOf(text);
}

TEST_F(TrainConfigTest, ImpossibleSchedulesAreNamed) {
  for (const auto& [set, words] : std::vector<std::pair<std::string, std::string>>{
           {"solver.epochs=0", "solver.epochs: 0 is outside (0, 1e6] epochs"},
           {"solver.epochs=nan", "solver.epochs: nan is outside (0, 1e6] epochs"},
           {"solver.images=0", "solver.images: 0 is outside [1, 1e15] images"},
           {"solver.policy=STEP", "solver.stepsize: needed for policy STEP"},
           {"solver.step_value=[5,3]", "solver.step_value: must rise"},
           {"solver.step_value=[4,-1]", "solver.step_value[1]: -1 is outside [0, 1e15]"},
           {"solver.step_value=[3,3]", "solver.step_value: must rise"},
           {"solver.warmup=-1", "solver.warmup: -1 is outside [0, 1e15]"},
           {"solver.power=-1", "solver.power: -1 is outside [0, 1000]"},
           {"solver.gamma=-1", "solver.gamma: -1 is outside [0, 1]"},
           {"solver.clip_gradients=0", "solver.clip_gradients: 0 is outside [-1e9, 0) or (0, 1e9]"},
           {"coordinator.lease_steps=4096", "no error"},
           {"solver.unit=WEEKS", "WEEKS"}}) {
    EXPECT_NE(errorOf(good_, {set}).find(words), std::string::npos)
        << set << ": " << errorOf(good_, {set});
  }
  EXPECT_EQ(errorOf(good_, {"solver.batch_size=1048576", "solver.steps=1000000000000"}),
            "--set solver.steps=1000000000000: solver.steps: times batch_size times iter_size must "
            "be at most 1000000000000000 images");
  EXPECT_EQ(errorOf(good_, {"coordinator.lease_steps=4096", "solver.iter_size=4096"}),
            "--set coordinator.lease_steps=4096: coordinator.lease_steps: times solver.iter_size "
            "times solver.reproducible_shards must be at most 4194304, not 16777216");
  EXPECT_EQ(load(good_, {"solver.clip_gradients=-1"}).solver().clip_gradients(), -1);
  EXPECT_EQ(load(good_, {"solver.step_value=[0.5,1.5]", "solver.unit=EPOCHS"}).solver().unit(),
            SolverConfig::EPOCHS);
}

TEST_F(TrainConfigTest, WrongOverridesAreNamed) {
  EXPECT_NE(errorOf(good_, {"solver.x=1"}).find("no field \"x\""), std::string::npos);
  EXPECT_NE(errorOf(good_, {"solver"}).find("expected FIELD.FIELD=VALUE"), std::string::npos);
  EXPECT_NE(errorOf(good_, {"solver.steps=many"}).find("--set solver.steps=many"),
            std::string::npos);
  EXPECT_NE(errorOf(good_, {"name.x=1"}).find("no fields of its own"), std::string::npos);
}

TEST_F(TrainConfigTest, TheLineIsTheParsersOwn) {
  // A comment, a text and another block have the field's name, too.
  const std::string text =
      "# solver { momentum: 1.5 }\n"
      "name: \"momentum\"\n"
      "data { lmdb: \"momentum: 2\" }\n"
      "network { name: \"custom\" embedding: 8\n"
      "  stage { channels: 8 }  # channels: 0\n"
      "  stage {\n"
      "    units: 1\n"
      "    channels: 0\n"
      "  }\n"
      "}\n"
      "solver { steps: 1 step_value: [\n"
      "  1, 2] }\n";
  const auto with = [&](const char* from, const std::string& to) {
    std::string changed = text;
    return changed.replace(changed.find(from), std::string(from).size(), to);
  };
  EXPECT_EQ(errorOf(text),
            file_.string() + ":8: network.stage[1].channels: 0 is outside [1, 16384]");
  const std::string good = with("channels: 0\n  }", "channels: 9\n  }");
  EXPECT_EQ(errorOf(good), "no error");
  EXPECT_EQ(errorOf(good + "head { margin: 4 }\n# margin\nworker { threads: 2147483647 }\n"),
            file_.string() + ":15: worker.threads: 2147483647 is outside [0, 4096] threads");
  EXPECT_EQ(errorOf(good, {"solver.momentum=1.5"}),
            "--set solver.momentum=1.5: solver.momentum: 1.5 is outside [0, 1)");
  EXPECT_EQ(errorOf(good, {"head.margin=2", "head.margin=5", "solver.gamma=1"}),
            "--set head.margin=5: head.margin: must be 1, 2, 3 or 4, not 5");
  EXPECT_EQ(errorOf(good, {"network.stage=[{channels: 4}, {units: 2000}]"}),
            "--set network.stage=[{channels: 4}, {units: 2000}]: network.stage[1].units: 2000 is "
            "outside [0, 1000]");
  EXPECT_EQ(errorOf(good, {"head.type=COSFACE", "head.lambda.base=1"}),
            "--set head.lambda.base=1: head.lambda: belongs to A_SOFTMAX; COSFACE has none");
}

TEST_F(TrainConfigTest, AByteOrderMarkIsNoText) {
  EXPECT_EQ(errorOf("\xef\xbb\xbf" + good_), "no error");
  EXPECT_EQ(errorOf(std::string("\xff\xfe"
                                "d\0a\0",
                                6)),
            file_.string() + ": is UTF-16 or UTF-32 text; save it as UTF-8");
}

TEST_F(TrainConfigTest, AMissingFileIsAUsageError) {
  EXPECT_THROW(loadTrainConfig(folder_ / "absent.textproto", {}), UsageError);
}

}  // namespace
}  // namespace sphereface
