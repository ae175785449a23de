// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface features join` and `sphereface evaluate open-set` by their command lines.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "evaluation/feature_file.h"
#include "tests/support/packing_test_tools.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

using testing::Finished;

class FeaturesCommand : public ::testing::Test {
 protected:
  /// Three images each of ten people, who can be told apart.
  void SetUp() override {
    for (const uint64_t part : {1, 2}) {
      FeatureSet features;
      features.dim = 16;
      Random noise(part, 99);
      for (uint64_t i = 0; i < 30; ++i) {
        features.names.push_back(concat("p", i / 3, "/", i % 3, ".jpg"));
        Random person(part, i / 3);
        for (size_t k = 0; k < features.dim; ++k)
          features.values.push_back(static_cast<float>(person.normal() + 0.01 * noise.normal()));
      }
      features.rows = features.names.size();
      writeFeatures(folder_ / concat(part, ".sff"), features);
    }
  }

  Finished sphereface(const std::vector<std::string>& arguments) const {
    std::vector<std::string> line = {testing::program("sphereface")};
    line.insert(line.end(), arguments.begin(), arguments.end());
    return testing::runCommand(line);
  }

  const TemporaryFolder folder_;
};

TEST_F(FeaturesCommand, JoinsWhatOpenSetScores) {
  Finished finished =
      sphereface({"features", "join", folder_ / "1.sff", folder_ / "2.sff", "--output",
                  folder_ / "both.npy", "--unit", "--json", folder_ / "join.json"});
  ASSERT_EQ(finished.code, 0) << finished.output;
  EXPECT_EQ(readFeatures(folder_ / "both.npy").dim, 32U);
  EXPECT_EQ(readJsonFile(folder_ / "join.json")["features"], 30);
  finished = sphereface({"evaluate", "open-set", "--features", folder_ / "both.npy",
                         "--photographs", "2", "--json", folder_ / "open.json"});
  ASSERT_EQ(finished.code, 0) << finished.output;
  EXPECT_TRUE(contains(finished.output,
                       "gallery of 5 people, 2 photographs each; 5 probes of "
                       "them, 15 of others; 10 draws"))
      << finished.output;
  const Json result = readJsonFile(folder_ / "open.json");
  EXPECT_EQ(result["rank1"]["mean"], 1);
  // 15 impostors tell a FAR of 10 % alone.
  EXPECT_EQ(result["at_far"][2]["dir"]["mean"], 1);
  EXPECT_TRUE(result["at_far"][1]["dir"]["mean"].is_null());
  EXPECT_EQ(result["at_far"][1]["reason"], "needs 100 scores of different people, has 15");
}

TEST_F(FeaturesCommand, SaysWhatIsWrong) {
  EXPECT_EQ(sphereface({"features", "join", folder_ / "1.sff", "--output", folder_ / "a.sff"}).code,
            2);
  const Finished finished = sphereface(
      {"features", "join", folder_ / "1.sff", folder_ / "none.sff", "--output", folder_ / "a.sff"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_TRUE(contains(finished.output, "none.sff")) << finished.output;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.sff"));
  EXPECT_EQ(sphereface({"evaluate", "open-set", "--features", folder_ / "1.sff", "--photographs",
                        "3", "--json", folder_ / "open.json"})
                .code,
            1);
}

}  // namespace
}  // namespace sphereface
