// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface extract` over ranks, and where it goes on.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "evaluation/devkit_feature.h"
#include "evaluation/feature_file.h"
#include "model/checkpoint.h"
#include "tests/support/job_support.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

class ExtractParts : public Job {
 protected:
  static constexpr size_t kListed = 2500;  // three parts
  static constexpr size_t kPart = 1024;

  /// A network, and a list that names its images over and over; number `kListed - 1` is one of its
  /// own, which tests damage.
  static void SetUpTestSuite() {
    Job::SetUpTestSuite();
    ASSERT_EQ(runCommand(trainLine("run", 1)).code, 0);
    fs::copy_file(folder_ / "faces" / "id0" / "0.png", folder_ / "faces" / "own.png");
    std::string list;
    for (size_t i = 0; i + 1 < kListed; ++i) {
      list += concat("faces/id", i % kIdentities, "/", i / kIdentities % kImages, ".png\n");
    }
    writeFileAtomically(folder_ / "list.txt", list + "faces/own.png\n");
  }

  static Finished extract(const std::string& output, const std::vector<std::string>& more = {}) {
    std::vector<std::string> line = {program("sphereface"),
                                     "extract",
                                     "--checkpoint",
                                     checkpointFolder(folder_ / "run", 12).string(),
                                     "--input",
                                     (folder_ / "list.txt").string(),
                                     "--json",
                                     (folder_ / "out.json").string(),
                                     "--output",
                                     (folder_ / output).string()};
    line.insert(line.end(), more.begin(), more.end());
    return runCommand(line);
  }

  static Json result() { return readJsonFile(folder_ / "out.json"); }

  /// What one process makes of the whole list.
  static const std::string& wanted() {
    static const std::string bytes = [] {
      const Finished alone = extract("alone.sff");
      EXPECT_EQ(alone.code, 0) << alone.output;
      return readFile(folder_ / "alone.sff");
    }();
    return bytes;
  }
};

TEST_F(ExtractParts, RanksMakeTheFileOneProcessMakes) {
  ASSERT_FALSE(wanted().empty());
  for (const std::string ranks : {"2", "3"}) {
    const Finished shared = extract("shared.sff", {"--workers", ranks});
    ASSERT_EQ(shared.code, 0) << shared.output;
    EXPECT_EQ(readFile(folder_ / "shared.sff"), wanted()) << ranks << " ranks";
    EXPECT_EQ(result().at("features"), kListed);
    EXPECT_EQ(result().at("parts"), 3);
    EXPECT_FALSE(fs::exists(folder_ / "shared.sff.parts"));
  }
  const Finished array = extract("shared.npy", {"--workers", "2"});
  ASSERT_EQ(array.code, 0) << array.output;
  EXPECT_EQ(readFeatures(folder_ / "shared.npy").values,
            readFeatures(folder_ / "alone.sff").values);
}

TEST_F(ExtractParts, RanksWriteTheKitsFiles) {
  const Finished shared = extract("kit", {"--workers", "2", "--file-ending", "_x.bin"});
  ASSERT_EQ(shared.code, 0) << shared.output;
  ASSERT_FALSE(wanted().empty());
  const FeatureSet alone = readFeatures(folder_ / "alone.sff");
  for (const size_t i : {size_t{0}, kListed - 1}) {
    const std::span<const float> row = alone.row(i);
    EXPECT_EQ(readDevkitFeature(folder_ / "kit" / (alone.names[i] + "_x.bin")),
              std::vector<float>(row.begin(), row.end()));
  }
  EXPECT_EQ(extract("kit", {"--file-ending", "_x.bin"}).code, 2);
}

TEST_F(ExtractParts, GoesOnWhereABadImageStoppedIt) {
  ASSERT_FALSE(wanted().empty());
  const fs::path own = folder_ / "faces" / "own.png";
  const std::string good = readFile(own);
  writeFileAtomically(own, good.substr(0, good.size() / 2));

  const Finished stopped = extract("resumed.sff", {"--workers", "2"});
  EXPECT_EQ(stopped.code, 1);
  EXPECT_NE(stopped.output.find("1 of 2500 images can't be used"), std::string::npos)
      << stopped.output;
  EXPECT_NE(stopped.output.find("own.png"), std::string::npos) << stopped.output;
  EXPECT_FALSE(fs::exists(folder_ / "resumed.sff"));

  // A damaged part is made anew.
  const fs::path part = folder_ / "resumed.sff.parts" / "1.sff";
  std::string bytes = readFile(part);
  bytes[bytes.size() / 2] ^= 1;
  writeFileAtomically(part, bytes);
  writeFileAtomically(own, good);
  const Finished resumed = extract("resumed.sff");
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  EXPECT_EQ(readFile(folder_ / "resumed.sff"), wanted());
  EXPECT_EQ(result().at("found_parts"), 1);
}

TEST_F(ExtractParts, SkipsBadImagesByName) {
  ASSERT_FALSE(wanted().empty());
  const fs::path own = folder_ / "faces" / "own.png";
  const std::string good = readFile(own);
  writeFileAtomically(own, "no picture");
  const Finished skipped = extract("skipped.sff", {"--workers", "2", "--skip-bad-images"});
  writeFileAtomically(own, good);
  ASSERT_EQ(skipped.code, 0) << skipped.output;
  EXPECT_EQ(result().at("bad_images").size(), 1U);
  EXPECT_EQ(result().at("bad_images").at(0).at("name"), "faces/own.png");
  FeatureSet alone = readFeatures(folder_ / "alone.sff");
  const FeatureSet others = readFeatures(folder_ / "skipped.sff");
  alone.names.pop_back();
  alone.values.resize(alone.values.size() - alone.dim);
  EXPECT_EQ(others.names, alone.names);
  EXPECT_EQ(others.values, alone.values);
}

TEST_F(ExtractParts, AnotherNetworksPartsAreMadeAnew) {
  ASSERT_FALSE(wanted().empty());
  const fs::path parts = folder_ / "anew.sff.parts";
  fs::create_directories(parts);
  FeatureSet other = readFeatures(folder_ / "alone.sff");
  other.names.resize(kPart);
  other.rows = kPart;
  other.values.resize(kPart * other.dim);
  writeFeatures(parts / "0.sff", other);  // this one's
  other.model_sha256 = "another";
  writeFeatures(parts / "1.sff", other);
  const Finished anew = extract("anew.sff");
  ASSERT_EQ(anew.code, 0) << anew.output;
  EXPECT_EQ(result().at("found_parts"), 1);
  EXPECT_EQ(readFile(folder_ / "anew.sff"), wanted());
}

TEST_F(ExtractParts, WhatAllRanksMeetIsSaidOnce) {
  const Finished finished = runCommand({program("sphereface"), "extract", "--checkpoint",
                                        checkpointFolder(folder_ / "run", 12).string(), "--input",
                                        (folder_ / "none.txt").string(), "--output",
                                        (folder_ / "no.sff").string(), "--workers", "2"});
  EXPECT_EQ(finished.code, 1);
  const size_t first = finished.output.find("error: ");
  ASSERT_NE(first, std::string::npos) << finished.output;
  EXPECT_NE(finished.output.find("rank 0@"), std::string::npos) << finished.output;
  EXPECT_EQ(finished.output.find("rank 1@"), std::string::npos) << finished.output;
}

/// Which one is newest may be another answer for each rank.
TEST_F(ExtractParts, ARunFolderIsNoCheckpointForSeveralRanks) {
  const auto extract = [](const std::string& workers) {
    return runCommand({program("sphereface"), "extract", "--checkpoint", (folder_ / "run").string(),
                       "--input", (folder_ / "list.txt").string(), "--output",
                       (folder_ / "of-run.sff").string(), "--workers", workers});
  };
  const Finished refused = extract("2");
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.output.find(checkpointFolder(folder_ / "run", 12).string()), std::string::npos)
      << refused.output;
  EXPECT_EQ(extract("1").code, 0);
}

}  // namespace
}  // namespace sphereface::testing
