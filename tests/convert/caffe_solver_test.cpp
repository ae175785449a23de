// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_solver.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"
#include "model/train_config.h"
#include "tests/support/caffe_solver_text.h"
#include "tests/support/convert_support.h"

namespace sphereface {
namespace {

using testing::errorOf;
using testing::expectIn;
using testing::kData;
using testing::kHead;
using testing::kSolver;
using testing::layersOf;

const std::filesystem::path kGolden = sharedFolder() / "golden" / "net";

TrainConfig importGolden(const std::string& run) {
  const std::filesystem::path solver = kGolden / ("mini_solver_" + run + ".prototxt");
  const std::string solver_text = readFile(solver);
  const std::string net = netOfSolver({solver_text, "solver"});
  const std::string net_text = readFile(kGolden / net);
  return importSolver({solver_text, "solver"}, {net_text, net}, 1, std::nullopt).config;
}

TEST(CaffeSolver, TakesOverTheSolversOfTheGoldenRuns) {
  SPHEREFACE_NEEDS(kGolden);
  const TrainConfig a = importGolden("a");
  EXPECT_EQ(a.solver().base_learning_rate(), 0.01);
  EXPECT_EQ(a.solver().steps(), 3U);
  EXPECT_EQ(a.head().lambda().start(), 0U);
  const TrainConfig b = importGolden("b");
  EXPECT_EQ(b.name(), "sf20-mini");
  EXPECT_EQ(b.solver().policy(), SolverConfig::MULTISTEP);
  EXPECT_EQ(b.solver().base_learning_rate(), 0.05);
  EXPECT_EQ(b.solver().gamma(), 0.1);
  ASSERT_EQ(b.solver().step_value_size(), 1);
  EXPECT_EQ(b.solver().step_value(0), 2);
  EXPECT_EQ(b.solver().batch_size(), 8U);
  EXPECT_EQ(b.solver().momentum(), 0.9);
  EXPECT_EQ(b.solver().weight_decay(), 0.0005);
  EXPECT_EQ(b.network().height(), 28U);
  EXPECT_EQ(b.network().width(), 24U);
  EXPECT_EQ(b.network().embedding(), 32U);
  EXPECT_EQ(b.network().stage(2).units(), 4U);
  EXPECT_EQ(b.head().margin(), 4);
  EXPECT_EQ(b.head().lambda().start(), 5000U);
  EXPECT_FALSE(b.data().mirror());
  const TrainConfig c = importGolden("c");
  EXPECT_EQ(c.solver().iter_size(), 2U);
  EXPECT_EQ(c.solver().batch_size(), 4U);
}

TEST(CaffeSolver, ListsAllThatItIgnoresWithItsLine) {
  const std::string net = kData + layersOf("sphereface-4") + kHead;
  const SolverImport imported = importSolver({kSolver, "s"}, {net, "n"}, 2, std::nullopt);
  const TrainConfig& config = imported.config;
  EXPECT_EQ(config.name(), "Net-4");
  EXPECT_EQ(config.network().name(), "sphereface-4");
  EXPECT_EQ(config.network().height(), 112U);
  EXPECT_EQ(config.solver().batch_size(), 512U);
  EXPECT_EQ(config.solver().steps(), 28000U);
  EXPECT_EQ(config.checkpoint().every_steps(), 1000U);
  EXPECT_EQ(config.checkpoint().keep(), 0U);
  EXPECT_EQ(config.coordinator().log_every_steps(), 100U);
  EXPECT_TRUE(config.data().mirror());
  EXPECT_EQ(config.head().margin(), 3);
  EXPECT_EQ(config.head().lambda().gamma(), 0.12);
  EXPECT_EQ(config.head().lambda().minimum(), 5);
  const auto line =
      std::count(net.begin(), net.begin() + static_cast<ptrdiff_t>(net.find(kHead)), '\n');
  const std::string source =
      "n:2: layer: data: source \"data/CASIA-WebFace-112X96.txt\": data.lmdb names a data set that "
      "`sphereface pack` made, shuffled anew in every epoch";
  const std::string classes =
      concat("n:", line + 1,
             ": layer: fc6: num_output 10572: there are as many classes as the data set has");
  EXPECT_EQ(imported.ignored,
            (std::vector<std::string>{"s:14: snapshot_prefix", "s:15: solver_mode",
                                      "n:18: rand_skip", source, classes}));
}

/// The configuration is one that training accepts, once it has a data set.
TEST(CaffeSolver, MakesAConfigurationThatTrainingAccepts) {
  const TemporaryFolder folder;
  const std::string net = kData + layersOf("sphereface-20") + kHead;
  const SolverImport imported = importSolver({kSolver, "s"}, {net, "n"}, 1, std::nullopt);
  writeFileAtomically(folder / "c.textproto", configText(imported));
  const TrainConfig config = loadTrainConfig(folder / "c.textproto", {"data.lmdb=d"});
  TrainConfig expected = imported.config;
  expected.mutable_data()->set_lmdb("d");
  EXPECT_EQ(config.SerializeAsString(), expected.SerializeAsString());
  expectIn("#   s:15: solver_mode", readFile(folder / "c.textproto"));
}

TEST(CaffeSolver, TellsFillersThatDiffer) {
  std::string layers = layersOf("sphereface-10");
  const std::string from = "std: 0.01";
  layers.replace(layers.find(from), from.size(), "std: 0.1");
  const SolverImport imported =
      importSolver({kSolver, "s"}, {kData + layers + kHead, "n"}, 1, std::nullopt);
  std::string all;
  for (const std::string& line : imported.ignored)
    all += line + "\n";
  expectIn("conv2_2: filler gaussian, std 0.1 of blob 0: here gaussian, std 0.01", all);
}

TEST(CaffeSolver, RefusesWhatWouldTrainOtherwise) {
  const std::string net = kData + layersOf("sphereface-4") + kHead;
  const auto failure = [&](const std::string& from, const std::string& to) {
    std::string solver = kSolver;
    std::string changed = net;
    std::string& text = solver.find(from) != std::string::npos ? solver : changed;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return errorOf([&] { importSolver({solver, "s"}, {changed, "n"}, 1, std::nullopt); });
  };
  expectIn("s:4: lr_policy: \"inv\" isn't there", failure("\"multistep\"", "\"inv\""));
  expectIn("s: its solver.gamma: 1.5 is outside [0, 1]", failure("gamma: 0.1", "gamma: 1.5"));
  expectIn("s:16: type: only SGD", failure("solver_mode: GPU", "\ntype: \"Adam\""));
  expectIn("s:15: regularization_type: only L2",
           failure("solver_mode: GPU", "regularization_type: \"L1\""));
  expectIn("s: base_lr: is missing", failure("base_lr: 0.1", ""));
  expectIn("s:3:10: ", failure("base_lr: 0.1", "base_lr: fast"));
  expectIn("n: layer of the data, with another scale",
           failure("scale: 0.0078125", "scale: 0.00390625"));
  expectIn("normalises otherwise than (byte - 127.5)",
           failure("mean_value: 127.5", "mean_value: 128"));
  expectIn("lr_mult 2, decay_mult 1 of blob 0: here 1, 1", failure("lr_mult: 1", "lr_mult: 2"));
  expectIn(": layer: fc6: a Softmax has no counterpart here",
           failure("\"MarginInnerProduct\"", "\"Softmax\""));
  expectIn(": layer: relu2_1: a ReLU has no counterpart",
           failure("name: \"relu2_1\"\n  type: \"PReLU\"", "name: \"relu2_1\"\n  type: \"ReLU\""));
  expectIn("n:2: layer: data: impossible batch_size 0", failure("batch_size: 256", ""));
  const auto failure_of_net = [](const std::string& text) {
    return errorOf([&] { importSolver({kSolver, "s"}, {text, "n"}, 1, std::nullopt); });
  };
  expectIn("n: layer: none is a data layer", failure_of_net(layersOf("sphereface-4") + kHead));
  expectIn("n: layer: none is the classifier behind fc5",
           failure_of_net(kData + layersOf("sphereface-4")));
}

}  // namespace
}  // namespace sphereface
