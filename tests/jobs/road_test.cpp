// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The whole road by its command line, as the quickstart walks it but smaller, and what a user sees
// who takes a wrong turn.

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "model/checkpoint.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

class Road : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / concat("road_test.", ::getpid());
    fs::create_directories(folder_);
    run({"synth", "--out", path("train"), "--identities", "12", "--images-per-identity", "6"});
    run({"synth", "--out", path("test"), "--identities", "20", "--images-per-identity", "4",
         "--first-identity", "12", "--pairs", path("pairs.txt"), "--folds", "10"});
    run({"pack", "--input", path("train"), "--output", path("train.lmdb")});
    writeFileAtomically(folder_ / "config.textproto", concat("data { lmdb: \"", path("train.lmdb"),
                                                             R"(" rotation: 4 }
network { name: "custom" stage { channels: 16 } stage { channels: 32 units: 1 } embedding: 32 }
solver { batch_size: 16 steps: 10 base_learning_rate: 0.01 policy: COSINE }
checkpoint { initial: true }
)"));
    run({"train", "--config", path("config.textproto"), "--workers", "2", "--run", path("run")});
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static std::string path(const std::string& name) { return (folder_ / name).string(); }

  static Finished sphereface(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), testing::program("sphereface"));
    return testing::runCommand(arguments);
  }

  /// Must succeed.
  static std::string run(const std::vector<std::string>& arguments) {
    const Finished done = sphereface(arguments);
    EXPECT_EQ(done.code, 0) << arguments[0] << "\n" << done.output;
    return done.output;
  }

  /// Must fail with `code` and say `words`.
  static void refuse(const std::vector<std::string>& arguments, int code,
                     const std::string& words) {
    const Finished done = sphereface(arguments);
    EXPECT_EQ(done.code, code) << arguments[0] << "\n" << done.output;
    EXPECT_NE(done.output.find(words), std::string::npos) << "expected: " << words << "\n"
                                                          << done.output;
  }

  static std::string checkpoint(uint64_t step) {
    return checkpointFolder(folder_ / "run", step).string();
  }

  static fs::path folder_;
};

fs::path Road::folder_;

TEST_F(Road, LeavesWhatTheManualSays) {
  for (const char* file : {"config.textproto", "metrics.jsonl", "events.jsonl", "summary.json",
                           "plots/training.png"}) {
    EXPECT_TRUE(fs::exists(folder_ / "run" / file)) << file;
  }
  EXPECT_EQ(listCheckpoints(folder_ / "run").size(), 2U);
  const std::string sheet = path("sheet.png");
  const std::string inspected = run({"inspect", path("train.lmdb"), "--verify", "--sheet", sheet});
  EXPECT_NE(inspected.find("12"), std::string::npos);
  EXPECT_TRUE(fs::exists(sheet));
}

TEST_F(Road, ThePlanIsWhatTheRunDid) {
  run({"plan", "--config", path("config.textproto"), "--workers", "2", "--json",
       path("plan.json")});
  const Json plan = readJsonFile(path("plan.json"));
  EXPECT_EQ(plan.at("records"), 72);
  EXPECT_EQ(plan.at("classes"), 12);
  EXPECT_EQ(plan.at("steps"), readJsonFile(folder_ / "run" / "summary.json").at("steps"));
  const Json metrics = parseJson(readFile(folder_ / "run" / "metrics.jsonl"));
  const Json& last = plan.at("schedule").back();
  EXPECT_EQ(last.at("step"), 9);
  EXPECT_EQ(last.at("learning_rate"), metrics.at("learning_rate"));
  EXPECT_EQ(last.at("lambda"), metrics.at("lambda"));
  const CheckpointManifest manifest = readCheckpointManifest(checkpoint(10));
  uint64_t bytes = 0;
  for (const CheckpointManifest::Part& part : manifest.part())
    bytes += part.bytes();
  EXPECT_EQ(plan.at("checkpoint_bytes"), bytes);
  EXPECT_EQ(plan.at("checkpoints_kept"), 2);
  const std::string inspected = run({"inspect", checkpoint(10), "--verify"});
  EXPECT_NE(inspected.find("NaN or infinite: 0 of the parameters, 0 of the momenta"),
            std::string::npos)
      << inspected;
  refuse({"plan", "--config", path("config.textproto"), "--set", "network.width=112"}, 2,
         "the network wants 112x112");
}

TEST_F(Road, ARunStartsFromAnothersWeights) {
  const std::string config = path("config.textproto");
  const std::string init = concat("network.init_from=", checkpoint(10));
  auto train = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> line = {"train", "--config", config,  "--workers", "1",
                                     "--run", path(name), "--set", init};
    line.insert(line.end(), more.begin(), more.end());
    return sphereface(line);
  };
  auto parameters = [](const fs::path& of) { return readFile(of / kParametersFile); };
  // On the same data set: network and head.
  const Finished same = train("tuned", {"--set", "head.type=COSFACE"});
  ASSERT_EQ(same.code, 0) << same.output;
  EXPECT_NE(same.output.find("step-00000010: network and head"), std::string::npos) << same.output;
  EXPECT_NE(same.output.find("margin 0.35"), std::string::npos) << same.output;
  EXPECT_EQ(parameters(checkpointFolder(path("tuned"), 0)), parameters(checkpoint(10)));
  // On other people: the network alone.
  run({"pack", "--input", path("test"), "--output", path("test.lmdb")});
  const Finished other = train("other", {"--set", concat("data.lmdb=", path("test.lmdb"))});
  ASSERT_EQ(other.code, 0) << other.output;
  EXPECT_NE(other.output.find("the head starts anew"), std::string::npos) << other.output;
  const std::string begun = parameters(checkpointFolder(path("other"), 0));
  const uint64_t head = readCheckpointManifest(checkpoint(10)).tensor().rbegin()->offset();
  EXPECT_EQ(begun.substr(0, head * sizeof(float)),
            parameters(checkpoint(10)).substr(0, head * sizeof(float)));
  // Into another network: not at all.
  const Finished wrong = train("wrong", {"--set", "network.embedding=16"});
  EXPECT_EQ(wrong.code, 1) << wrong.output;
  EXPECT_NE(wrong.output.find("tensor "), std::string::npos) << wrong.output;
}

TEST_F(Road, AConvertedModelScoresAndIsTrainedOn) {
  run({"convert", "--from", checkpoint(10), "--to", path("m.caffemodel")});
  run({"convert", "--from", path("m.caffemodel"), "--to", path("converted")});
  run({"convert", "--from", path("m.caffemodel"), "--to", path("of-these-people"), "--lmdb",
       path("train.lmdb")});
  auto score = [](const std::string& of, const std::string& json) {
    run({"evaluate", "lfw", "--pairs", path("pairs.txt"), "--images", path("test"), "--checkpoint",
         of, "--json", path(json)});
    return readJsonFile(path(json)).at("fold_accuracy");
  };
  EXPECT_EQ(score(path("converted"), "converted.json"), score(checkpoint(10), "original.json"));
  auto train = [&](const std::string& from, const std::string& name) {
    return run({"train", "--config", path("config.textproto"), "--workers", "1", "--run",
                path(name), "--set", concat("network.init_from=", path(from))});
  };
  const std::string anew = train("converted", "converted-run");
  EXPECT_NE(anew.find("the head starts anew, as its 12 classes are those of another data set"),
            std::string::npos)
      << anew;
  const std::string whole = train("of-these-people", "whole-run");
  EXPECT_NE(whole.find("of-these-people: network and head"), std::string::npos) << whole;
  EXPECT_EQ(readFile(checkpointFolder(path("whole-run"), 0) / kParametersFile),
            readFile(fs::path(checkpoint(10)) / kParametersFile));
  refuse({"convert", "--from", path("m.caffemodel"), "--to", path("x"), "--lmdb", path("train")}, 1,
         "train");
}

TEST_F(Road, RunsAreCompared) {
  const fs::path score = folder_ / "run" / "lfw.json";
  run({"evaluate", "lfw", "--pairs", path("pairs.txt"), "--images", path("test"), "--checkpoint",
       checkpoint(10), "--json", score.string()});
  const std::string table = run({"compare", path("run"), path("run"), "--plot",
                                 path("pictures/compared.png"), "--json", path("compared.json")});
  EXPECT_TRUE(fs::exists(folder_ / "pictures" / "compared.png"));
  const Json row = readJsonFile(path("compared.json")).at("runs").at(1);
  EXPECT_EQ(row.at("images"), 160);
  EXPECT_EQ(row.at("head"), "A_SOFTMAX m=4 published gradient");
  EXPECT_EQ(row.at("lfw"), readJsonFile(score).at("accuracy_mean"));
  EXPECT_NE(table.find("A_SOFTMAX m=4 published gradient"), std::string::npos) << table;
  refuse({"compare", path("test")}, 1, "metrics.jsonl");
}

TEST_F(Road, FeaturesFromAFileScoreAsThoseFromTheCheckpoint) {
  const std::vector<std::string> pairs = {"evaluate", "lfw", "--pairs", path("pairs.txt")};
  auto evaluate = [&](const std::vector<std::string>& source, const std::string& name) {
    std::vector<std::string> line = pairs;
    line.insert(line.end(), source.begin(), source.end());
    line.insert(line.end(), {"--json", path(name + ".json"), "--plots", path(name + "-plots"),
                             "--report", path(name + ".html")});
    run(line);
    EXPECT_NE(readFile(folder_ / (name + ".html")).find("</html>"), std::string::npos);
    EXPECT_TRUE(fs::exists(folder_ / (name + "-plots") / "lfw_roc.png"));
    return readJsonFile(folder_ / (name + ".json"));
  };
  const Json direct =
      evaluate({"--checkpoint", checkpoint(10), "--images", path("test")}, "direct");
  for (const char* field : {"accuracy_mean", "accuracy_std", "fold_accuracy", "auc", "eer",
                            "protocol", "pairs", "model_sha256"}) {
    EXPECT_TRUE(direct.contains(field)) << field;
  }
  EXPECT_EQ(direct.at("fold_accuracy").size(), 10U);
  EXPECT_EQ(direct.at("model_sha256"), modelChecksum(readCheckpointManifest(checkpoint(10))));
  for (const std::string format : {"sff", "npy"}) {
    const std::string file = path("features." + format);
    run({"extract", "--checkpoint", checkpoint(10), "--input", path("test"), "--output", file});
    const Json by_file = evaluate({"--features", file}, format);
    EXPECT_EQ(by_file.at("fold_accuracy"), direct.at("fold_accuracy"));
    EXPECT_EQ(by_file.at("auc"), direct.at("auc"));
  }
  run({"evaluate", "fisher", "--features", path("features.sff"), "--json", path("fisher.json"),
       "--report", path("fisher.html")});
  EXPECT_EQ(readJsonFile(folder_ / "fisher.json").at("classes"), 20);
  EXPECT_TRUE(fs::exists(folder_ / "fisher.html"));
  evaluate({"--raw-pixels", "--images", path("test")}, "pixels");
  const Json other = evaluate(
      {"--checkpoint", checkpoint(10), "--images", path("test"), "--protocol", "insightface"},
      "insightface");
  EXPECT_EQ(other.at("protocol"), "insightface");
  EXPECT_EQ(other.at("mirror"), "sum");
  EXPECT_TRUE(other.contains("validation_rate"));
  refuse({"evaluate", "lfw", "--pairs", path("pairs.txt"), "--features", path("features.sff"),
          "--protocol", "olivetti", "--json", path("x.json")},
         2, "olivetti");
  refuse({"evaluate", "lfw", "--pairs", path("pairs.txt"), "--features", path("features.sff"),
          "--images", path("test"), "--json", path("x.json")},
         2, "--report");
}

TEST_F(Road, ExtractReadsFoldersDataSetsAndLists) {
  const std::string sha = modelChecksum(readCheckpointManifest(checkpoint(10)));
  writeFileAtomically(folder_ / "list.txt",
                      "test/id_00012/id_00012_0001.jpg\ntest/id_00013/id_00013_0002.jpg\n");
  for (const auto& [input, count] : std::vector<std::pair<std::string, int>>{
           {"test", 80}, {"train.lmdb", 72}, {"list.txt", 2}}) {
    run({"extract", "--checkpoint", checkpoint(10), "--input", path(input), "--output",
         path("x.sff"), "--mirror", "sum", "--json", path("x.json")});
    const Json result = readJsonFile(folder_ / "x.json");
    EXPECT_EQ(result.at("features"), count) << input;
    EXPECT_EQ(result.at("dim"), 32);
    EXPECT_EQ(result.at("model_sha256"), sha);
  }
  const std::vector<std::string> one_file_each = {"extract",   "--checkpoint",   checkpoint(10),
                                                  "--input",   path("list.txt"), "--output",
                                                  path("kit"), "--file-ending",  "_s.bin"};
  run(one_file_each);
  const fs::path file = folder_ / "kit/test/id_00013/id_00013_0002.jpg_s.bin";
  EXPECT_EQ(fs::file_size(file), 16U + 64 * sizeof(float));
  refuse(one_file_each, 2, "exists already");
}

TEST_F(Road, WrongTurnsAreNamed) {
  refuse({"train", "--config", path("none.textproto")}, 2, "none.textproto");
  refuse({"pack", "--input", path("nowhere"), "--output", path("x.lmdb")}, 1, "nowhere");
  refuse({"align", "--input", path("test"), "--output", path("aligned"), "--models", path("test")},
         1, "det1");
  refuse({"frobnicate"}, 2, "frobnicate");
  refuse(
      {"extract", "--checkpoint", path("test"), "--input", path("test"), "--output", path("y.sff")},
      1, "is no checkpoint");
  refuse({"extract", "--checkpoint", checkpoint(10), "--input", path("test"), "--output",
          path("y.txt")},
         2, "y.txt");
  fs::copy(checkpoint(10), path("damaged"));
  std::string bytes = readFile(folder_ / "damaged" / "parameters.bin");
  bytes[1000] = static_cast<char>(bytes[1000] ^ 1);
  writeFileAtomically(folder_ / "damaged" / "parameters.bin", bytes);
  refuse({"extract", "--checkpoint", path("damaged"), "--input", path("test"), "--output",
          path("y.sff")},
         1, "parameters.bin: damaged");
  writeFileAtomically(folder_ / "damaged" / "parameters.bin", bytes.substr(0, 500));
  refuse({"extract", "--checkpoint", path("damaged"), "--input", path("test"), "--output",
          path("y.sff")},
         1, "parameters.bin: 500 bytes, the manifest says");
}

TEST_F(Road, EveryVerbHasHelpWithAnExample) {
  for (const char* verb : {"synth", "align", "pack", "inspect", "plan", "doctor", "train",
                           "convert", "extract", "evaluate"}) {
    const std::string help = run({verb, "--help"});
    EXPECT_NE(help.find("Example: sphereface "), std::string::npos) << help;
  }
  EXPECT_NE(run({"--version"}).find("GPU kernels"), std::string::npos);
}

}  // namespace
}  // namespace sphereface
