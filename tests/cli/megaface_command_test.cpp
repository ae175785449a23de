// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface evaluate megaface` by its command line.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "tests/support/evaluation_support.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

using testing::Finished;

class MegafaceCommand : public ::testing::Test {
 protected:
  static constexpr size_t kPeople = 6;
  static constexpr size_t kImages = 3;
  static constexpr size_t kDim = 24;

  /// Person 0's third image is another person's: noise. So is distractor 5, which is person 1.
  void SetUp() override {
    Json list;
    FeatureSet probes;
    std::vector<std::vector<float>> centres;
    for (size_t p = 0; p < kPeople; ++p)
      centres.push_back(draw());
    for (size_t p = 0; p < kPeople; ++p) {
      for (size_t i = 0; i < kImages; ++i) {
        const bool noise = p == 0 && i == 2;
        probes.names.push_back(concat("P_", p, "/P_", p, "_", i, ".png"));
        list["path"].push_back(probes.names.back());
        list["id"].push_back(concat("P_", p));
        add(probes, noise ? draw() : centres[p], 0.2);
      }
    }
    writeFeatureFiles("probes", probes);
    writeJsonFile(folder_ / "probes.json", list);
    for (const size_t set : {1, 2}) {
      Json distractor_list;
      FeatureSet distractors;
      for (size_t d = 0; d < 400; ++d) {
        distractors.names.push_back(concat("00", set, "/u@N00/", d, "_0.jpg"));
        distractor_list["path"].push_back(distractors.names.back());
        add(distractors, d == 5 ? centres[1] : draw(), 0.02);
      }
      writeFeatureFiles(concat("distractors", set), distractors);
      writeJsonFile(folder_ / concat("list_400_", set), distractor_list);
    }
  }

  std::vector<float> draw() {
    std::vector<float> row;
    while (row.size() < kDim)
      row.push_back(static_cast<float>(random_.normal()));
    return row;
  }

  void add(FeatureSet& features, const std::vector<float>& centre, double noise) {
    for (const float x : centre)
      features.values.push_back(x + static_cast<float>(noise * random_.normal()));
    features.dim = kDim;
    ++features.rows;
  }

  void writeFeatureFiles(const std::string& name, const FeatureSet& features) {
    writeFeatures(folder_ / (name + ".sff"), features);
    writeFeatures(folder_ / (name + ".npy"), features);
    writeDevkitFeatures(folder_ / name, "_x.bin", features);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  Finished evaluate(const std::vector<std::string>& more, const std::string& suffix = ".sff",
                    std::vector<std::string> line = {}) {
    line.insert(line.end(),
                {testing::program("sphereface"), "evaluate", "megaface", "--probes",
                 path("probes.json"), "--feature-root", path("probes" + suffix),
                 "--distractor-root", path("distractors1" + suffix), "--json", path("out.json")});
    line.insert(line.end(), more.begin(), more.end());
    return testing::runCommand(line);
  }

  Json result() const { return readJsonFile(folder_ / "out.json"); }

  TemporaryFolder folder_;
  Random random_{5};
};

TEST_F(MegafaceCommand, EveryFormatOfFeaturesGivesTheSame) {
  ASSERT_EQ(evaluate({"--distractors", path("list_400_1")}).code, 0);
  const Json sff = result();
  EXPECT_EQ(sff.at("protocol"), "megaface");
  EXPECT_EQ(sff.at("probes"), 18);
  EXPECT_EQ(sff.at("distractors"), 400);
  EXPECT_EQ(sff.at("searches"), 36);
  EXPECT_EQ(sff.at("negatives"), 18 * 400);
  EXPECT_TRUE(sff.at("tar_at_far").contains("1e-6"));
  EXPECT_EQ(sff.at("cmc").size(), 2U);
  EXPECT_EQ(sff.at("roc").size(), 2U);
  EXPECT_EQ(sff.at("cmc").at(0).back(), 400);
  EXPECT_EQ(sff.at("cmc").at(1).back(), 1.0);
  EXPECT_EQ(sff.at("rank1"), sff.at("cmc").at(1).at(0));
  // The six searches of person 1 meet distractor 5, the four with person 0's third image fail.
  EXPECT_LT(sff.at("rank1"), 1.0);
  ASSERT_EQ(evaluate({"--distractors", path("list_400_1")}, ".npy").code, 0);
  EXPECT_EQ(result(), sff);
  const Finished devkit =
      evaluate({"--distractors", path("list_400_1"), "--file-ending", "_x.bin"}, "");
  ASSERT_EQ(devkit.code, 0) << devkit.output;
  EXPECT_EQ(result(), sff);

  // Without a root the lists' paths are the files.
  for (const char* file : {"probes.json", "list_400_1"}) {
    Json list = readJsonFile(folder_ / file);
    const std::string features = file == std::string("probes.json") ? "probes" : "distractors1";
    for (Json& name : list["path"])
      name = concat(path(features), "/", name.text(), "_x.bin");
    writeJsonFile(folder_ / concat("whole_", file), list);
  }
  const std::vector<std::string> line = {testing::program("sphereface"),
                                         "evaluate",
                                         "megaface",
                                         "--probes",
                                         path("whole_probes.json"),
                                         "--distractors",
                                         path("whole_list_400_1"),
                                         "--json",
                                         path("out.json")};
  const Finished whole = testing::runCommand(line);
  ASSERT_EQ(whole.code, 0) << whole.output;
  for (const char* key : {"rank", "tar_at_far", "cmc", "roc"})
    EXPECT_EQ(result().at(key), sff.at(key)) << key;
  std::vector<std::string> with_ending = line;
  with_ending.insert(with_ending.end(), {"--file-ending", "_x.bin"});
  EXPECT_EQ(testing::runCommand(with_ending).code, 2);
}

TEST_F(MegafaceCommand, RanksGiveToTheBitWhatOneProcessGives) {
  for (const std::string compat : {"none", "devkit"}) {
    const std::vector<std::string> lists = {
        "--distractors", path("list_400_1"), "--compat", compat, "--matches", path("matches.json")};
    ASSERT_EQ(evaluate(lists).code, 0);
    const std::string alone = readFile(folder_ / "out.json");
    const std::string matches = readFile(folder_ / "matches.json");
    for (const std::string ranks : {"2", "3"}) {
      std::vector<std::string> more = lists;
      more.insert(more.end(), {"--workers", ranks});
      const Finished shared = evaluate(more);
      ASSERT_EQ(shared.code, 0) << shared.output;
      EXPECT_NE(shared.output.find("sphereface-evaluator"), std::string::npos) << shared.output;
      EXPECT_EQ(readFile(folder_ / "out.json"), alone) << compat << ", " << ranks << " ranks";
      EXPECT_EQ(readFile(folder_ / "matches.json"), matches) << compat << ", " << ranks << " ranks";
      std::filesystem::remove(folder_ / "out.json");
    }
  }
}

TEST_F(MegafaceCommand, AGpuCountsToTheBitWhatACpuDoes) {
  if (!__builtin_cpu_supports("fma")) GTEST_SKIP() << "this CPU has no fused multiply-adds";
  for (const std::string compat : {"none", "devkit"}) {
    const std::vector<std::string> line = {"--distractors", path("list_400_1"),  "--compat", compat,
                                           "--matches",     path("matches.json")};
    ASSERT_EQ(evaluate(line).code, 0);
    const std::string on_cpu = readFile(folder_ / "out.json") + readFile(folder_ / "matches.json");
    for (const std::string ranks : {"1", "2"}) {
      std::vector<std::string> more = line;
      more.insert(more.end(), {"--device", "cuda", "--workers", ranks});
      // The kernels compiled as host code, as in gpu_job_test.
      const Finished on_gpu =
          evaluate(more, ".sff", {"env", "LD_LIBRARY_PATH=" + testing::program("gpu-on-host")});
      ASSERT_EQ(on_gpu.code, 0) << on_gpu.output;
      EXPECT_EQ(readFile(folder_ / "out.json") + readFile(folder_ / "matches.json"), on_cpu)
          << compat << ", ranks: " << ranks;
    }
  }
}

TEST_F(MegafaceCommand, ADamagedFileIsNamedByOneRankAndNothingWritten) {
  std::string bytes = readFile(folder_ / "distractors1.sff");
  bytes[bytes.size() - 100] ^= 1;
  writeFileAtomically(folder_ / "distractors1.sff", bytes);
  const Finished finished = evaluate({"--distractors", path("list_400_1"), "--workers", "2"});
  EXPECT_EQ(finished.code, 1);
  const size_t first = finished.output.find("rank 0@");
  ASSERT_NE(first, std::string::npos) << finished.output;
  EXPECT_NE(finished.output.find("distractors1.sff: is corrupt", first), std::string::npos)
      << finished.output;
  EXPECT_EQ(finished.output.find("rank 1@"), std::string::npos) << finished.output;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.json"));
}

TEST_F(MegafaceCommand, NoiseIsLeftOutAndBothResultsAreShown) {
  writeFileAtomically(folder_ / "probe_noise.txt", "P_0_2.png\nQ_9_9.png\n");
  writeFileAtomically(folder_ / "distractor_noise.txt", "001/u@N00/5_0.jpg\n");
  const Finished done =
      evaluate({"--distractors", path("list_400_1"), "--probe-noise", path("probe_noise.txt"),
                "--distractor-noise", path("distractor_noise.txt")});
  ASSERT_EQ(done.code, 0) << done.output;
  EXPECT_NE(done.output.find("probe_noise.txt names 2 images, 1 of them in probes.json"),
            std::string::npos)
      << done.output;
  EXPECT_NE(done.output.find("list_400_1, cleaned"), std::string::npos) << done.output;
  const Json json = result();
  ASSERT_EQ(json.at("runs").size(), 2U);
  EXPECT_EQ(json.at("runs").at(0).at("cleaned"), false);
  EXPECT_EQ(json.at("runs").at(0).at("probes"), 18);
  EXPECT_EQ(json.at("cleaned"), true);
  EXPECT_EQ(json.at("probes"), 17);
  EXPECT_EQ(json.at("distractors"), 399);
  EXPECT_EQ(json.at("rank1"), 1.0);
  EXPECT_LT(json.at("runs").at(0).at("rank1"), 1.0);
  EXPECT_TRUE(json.at("warnings").empty());

  // Lists that match nothing are warned of.
  writeFileAtomically(folder_ / "other.txt", "X_1.png\nX_2.png\n");
  const Finished other = evaluate({"--distractors", path("list_400_1"), "--probe-noise",
                                   path("other.txt"), "--distractor-noise", path("other.txt")});
  ASSERT_EQ(other.code, 0) << other.output;
  const Json warnings = result().at("warnings");
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_EQ(warnings[0], "other.txt names 2 images, none of which is in probes.json");
  EXPECT_EQ(warnings[1], "other.txt names 2 images, none of which is in list_400_1");
  EXPECT_NE(other.output.find("warning: " + warnings[1].text()), std::string::npos) << other.output;
}

TEST_F(MegafaceCommand, DevkitModeWritesTheKitsFiles) {
  const Finished done = evaluate({"--distractors", path("list_400_1"), "--compat", "devkit",
                                  "--matches", path("matches.json")});
  ASSERT_EQ(done.code, 0) << done.output;
  const Json json = result();
  EXPECT_EQ(json.at("protocol"), "megaface-devkit");
  EXPECT_EQ(json.at("traditional_cmc").at(0).back(), 400 + kPeople - 1);
  EXPECT_EQ(json.at("roc").at(0).front(), 0.0);
  EXPECT_EQ(json.at("roc").at(0).back(), 1.0);
  const Json matches = readJsonFile(folder_ / "matches.json");
  ASSERT_EQ(matches.size(), kPeople * kImages);
  EXPECT_EQ(matches.at(4).at("distractors").at("idx").at(0), 5);
  EXPECT_EQ(matches.at(4).at("probes").at("idx"), Json::array({3, 5}));
  // As the kit's files have it: searches of rank 0 over all are the first point of the curve.
  double first = 0;
  for (const Json& match : matches) {
    for (const Json& rank : match.at("probes").at("rank"))
      first += rank == 0 ? 1 : 0;
  }
  EXPECT_FLOAT_EQ(json.at("cmc").at(1).at(0).get<float>(), static_cast<float>(first) / 36);
}

TEST_F(MegafaceCommand, SeveralListsAreAveraged) {
  FeatureSet both = readFeatures(folder_ / "distractors1.sff");
  const FeatureSet second = readFeatures(folder_ / "distractors2.sff");
  both.names.insert(both.names.end(), second.names.begin(), second.names.end());
  both.values.insert(both.values.end(), second.values.begin(), second.values.end());
  both.rows += second.rows;
  writeFeatures(folder_ / "distractors1.sff", both);
  const Finished done = evaluate(
      {"--distractors", path("list_400_1"), path("list_400_2"), "--report", path("out.html")});
  ASSERT_EQ(done.code, 0) << done.output;
  EXPECT_NE(done.output.find("mean of 2"), std::string::npos) << done.output;
  EXPECT_EQ(result().at("runs").size(), 2U);
  const std::string page = readFile(folder_ / "out.html");
  EXPECT_NE(page.find("list_400_2"), std::string::npos);
  EXPECT_NE(page.find("</html>"), std::string::npos);
  // No such pictures: named, and the page isn't written.
  std::filesystem::remove(folder_ / "out.html");
  const Finished lost = evaluate({"--distractors", path("list_400_1"), "--report", path("out.html"),
                                  "--probe-images", path("nowhere")});
  EXPECT_EQ(lost.code, 1) << lost.output;
  EXPECT_NE(lost.output.find("nowhere/P_"), std::string::npos) << lost.output;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.html"));
}

TEST_F(MegafaceCommand, WrongInputIsNamed) {
  const auto refuse = [&](const std::vector<std::string>& more, const std::string& suffix, int code,
                          const std::string& words) {
    const Finished done = evaluate(more, suffix);
    EXPECT_EQ(done.code, code) << done.output;
    EXPECT_NE(done.output.find(words), std::string::npos) << done.output;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out.json"));
  };
  refuse({"--distractors", path("list_400_2")}, ".sff", 1, "of 400 images 400 are missing");
  refuse({"--distractors", path("list_400_1"), "--compat", "kit"}, ".sff", 2, "kit");
  refuse({"--distractors", path("list_400_1")}, "", 1, "feature files are missing");
  const std::string odd = "P_2/P_2_1.png_x.bin";
  writeFileAtomically(folder_ / "probes" / odd, devkitFeatureBytes(std::vector<float>{1, 2}));
  refuse({"--distractors", path("list_400_1"), "--file-ending", "_x.bin"}, "", 1,
         odd + ": 2 numbers, but");
  FeatureSet zero = readFeatures(folder_ / "distractors1.sff");
  std::fill_n(zero.values.begin() + 17 * kDim, kDim, 0.0F);
  writeFeatures(folder_ / "distractors1.sff", zero);
  refuse({"--distractors", path("list_400_1")}, ".sff", 1, "17_0.jpg: the feature is zero");
  FeatureSet narrow = zero;
  narrow.dim = kDim / 2;
  narrow.values.resize(narrow.rows * narrow.dim);
  writeFeatures(folder_ / "distractors1.sff", narrow);
  refuse({"--distractors", path("list_400_1")}, ".sff", 1,
         "have 24 numbers, those of list_400_1 12");
}

}  // namespace
}  // namespace sphereface
