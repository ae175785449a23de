// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// `sphereface pack` as a user runs, kills and starts it again.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "base/json.h"
#include "base/random.h"
#include "base/sha256.h"
#include "data/dataset.h"
#include "tests/support/packing_test_tools.h"
#include "tests/support/process.h"
#include "tests/support/small_disk.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

/// So many that packing them takes seconds: chunks of 1024 are the steps at which it goes on.
constexpr int kImages = 5000;

class PackCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    cv::Mat noise(64, 64, CV_8UC3);
    cv::theRNG().state = 5;
    std::string list;
    for (int i = 0; i < 40; ++i) {
      cv::randu(noise, 0, 256);
      writeBytes(folder_ / concat("faces/", i, ".jpg"), encodeJpeg(noise, 95));
    }
    for (int i = 0; i < kImages; ++i)
      list += concat("faces/", (i * 7) % 40, ".jpg ", i % 3, "\n");
    writeBytes(folder_ / "list.txt", list);
  }

  std::vector<std::string> command(const std::string& output,
                                   std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {program("sphereface"),
                                      "pack",
                                      "--input",
                                      (folder_ / "list.txt").string(),
                                      "--size",
                                      "64x64",
                                      "--output",
                                      (folder_ / output).string(),
                                      "--json",
                                      (folder_ / "pack.json").string()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Json resultOf(const std::vector<std::string>& words) const {
    const Finished finished = runCommand(words);
    EXPECT_EQ(finished.code, 0) << finished.output;
    return parseJson(readFile(folder_ / "pack.json"));
  }
  std::string bytesOf(const std::string& output) const {
    std::string names;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / output))
      names += concat(entry.path().filename().string().size(), " ");
    return names + sha256File(folder_ / output / "data.mdb") +
           sha256File(folder_ / output / "manifest.textproto");
  }
  /// Starts it, and kills it when the chunk with this number is under way.
  void killIn(int chunk, const std::vector<std::string>& words, const std::string& output) const {
    Process process(words);
    const fs::path journal = folder_ / (output + ".partial/packing.txt");
    for (int wait = 0; wait < 20000; ++wait) {
      std::error_code absent;
      if (fs::file_size(journal, absent) != UINTMAX_MAX && !absent) {
        const std::string lines = readFile(journal);
        if (std::count(lines.begin(), lines.end(), '\n') > chunk) break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    process.signal(SIGKILL);
    EXPECT_EQ(process.wait(10), 128 + SIGKILL) << process.output();
    EXPECT_FALSE(fs::exists(folder_ / output));
  }

  TemporaryFolder folder_;
};

TEST_F(PackCommand, GoesOnWhereItWasKilled) {
  EXPECT_EQ(resultOf(command("whole"))["resumed"], 0);
  for (const int chunk : {2, 3}) {
    fs::remove_all(folder_ / "killed");
    killIn(chunk, command("killed"), "killed");
    const Json result = resultOf(command("killed"));
    // The chunk that is noted last may not have been committed.
    EXPECT_GE(result["resumed"], (chunk - 1) * 1024);
    EXPECT_LT(result["resumed"], kImages);
    EXPECT_EQ(bytesOf("killed"), bytesOf("whole"));
    EXPECT_FALSE(fs::exists(folder_ / "killed.partial"));
  }
  Dataset(folder_ / "killed").verify();
}

TEST_F(PackCommand, KilledAgainAndAgainMakesTheSameBytes) {
  resultOf(command("whole", {"--threads", "1"}));
  for (int chunk = 1; chunk <= 3; ++chunk)
    killIn(chunk == 1 ? 1 : 2, command("killed"), "killed");
  resultOf(command("killed"));
  EXPECT_EQ(bytesOf("killed"), bytesOf("whole"));
}

TEST_F(PackCommand, StartsOverWhenSomethingChanged) {
  resultOf(command("other", {"--seed", "2"}));
  killIn(2, command("killed"), "killed");
  const Json other = resultOf(command("killed", {"--seed", "2"}));
  EXPECT_EQ(other["resumed"], 0);
  ASSERT_EQ(other["notes"].size(), 1U);
  EXPECT_TRUE(contains(other["notes"][0].text(), "input or options differ"));
  EXPECT_EQ(bytesOf("killed"), bytesOf("other"));

  // An input file changed in between.
  resultOf(command("before"));
  killIn(2, command("again"), "again");
  writeBytes(folder_ / "faces/0.jpg", encodeJpeg(testImage(3, 64, 64), 95));
  EXPECT_EQ(resultOf(command("again"))["resumed"], 0);
  resultOf(command("after"));
  EXPECT_EQ(bytesOf("again"), bytesOf("after"));
  EXPECT_NE(bytesOf("again"), bytesOf("before"));
}

/// What a power cut may leave: pages that were never written.
TEST_F(PackCommand, DamagedRemainsAreThrownAway) {
  resultOf(command("whole"));
  const fs::path data = folder_ / "killed.partial/data.mdb";
  Random random(2);
  for (int round = 0; round < 4; ++round) {
    fs::remove_all(folder_ / "killed");
    killIn(2, command("killed"), "killed");
    std::string bytes = readFile(data);
    const size_t page = round == 0 ? 0 : random.below(bytes.size() / 4096);
    bytes.replace(page * 4096, 4096, std::string(4096, '\0'));
    if (round == 1) bytes.resize(bytes.size() / 2);
    writeBytes(data, bytes);
    if (round == 2) writeBytes(folder_ / "killed.partial/packing.txt", "");
    resultOf(command("killed"));
    EXPECT_EQ(bytesOf("killed"), bytesOf("whole"));
  }
}

TEST_F(PackCommand, TwoAtOnceDontMix) {
  Process first(command("set"));
  while (!fs::exists(folder_ / "set.partial/packing.txt"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const Finished second = runCommand(command("set"));
  EXPECT_EQ(second.code, 1);
  EXPECT_TRUE(contains(second.output, ".partial is held by another process")) << second.output;
  EXPECT_EQ(first.wait(60), 0) << first.output();
}

TEST_F(PackCommand, AFullDiskLeavesNothing) {
  const SmallDisk disk(folder_ / "disk", "8m");
  if (!disk.mounted()) GTEST_SKIP() << disk.problem();
  std::vector<std::string> words = command("disk/set");
  const Finished finished = runCommand(words);
  EXPECT_EQ(finished.code, 1);
  EXPECT_TRUE(contains(finished.output, "disk is full")) << finished.output;
  EXPECT_TRUE(fs::is_empty(folder_ / "disk"));
}

TEST_F(PackCommand, RefusesWrongOptions) {
  EXPECT_EQ(runCommand(command("set", {"--encoding", "jpeg:0"})).code, 2);
  EXPECT_EQ(runCommand(command("set", {"--encoding", "gif"})).code, 2);
  EXPECT_EQ(runCommand(command("set", {"--encoding", "raw:3"})).code, 2);
  EXPECT_EQ(runCommand(command("set", {"--min-images", "0"})).code, 2);
  const Finished wrong =
      runCommand({program("sphereface"), "pack", "--input", (folder_ / "list.txt").string(),
                  "--output", (folder_ / "set").string()});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_TRUE(contains(wrong.output, "64x64 (height x width) instead of 112x96")) << wrong.output;
  EXPECT_FALSE(fs::exists(folder_ / "set.partial"));
}

}  // namespace
}  // namespace sphereface::testing
