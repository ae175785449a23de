// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/dead_rank.h"

#include <gtest/gtest.h>

#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"

namespace sphereface {
namespace {

// As they were said.
const std::string kOpenMpi4 =
    "--------------------------------------------------------------------------\n"
    "mpirun noticed that process rank 3 with PID 30447 on node 10.78.0.2 exited on signal 9 "
    "(Killed).\n"
    "--------------------------------------------------------------------------\n";
const std::string kOpenMpi5 =
    "--------------------------------------------------------------------------\n"
    "prterun noticed that process rank 2 with PID 30359 on node vm exited on\n"
    "signal 11 (Segmentation fault).\n"
    "--------------------------------------------------------------------------\n";

TEST(DeadRank, IsFoundInWhatMpirunSays) {
  // In pieces, after much else.
  for (const size_t piece : {1, 7, 4096}) {
    DeadRankFinder finder;
    const std::string text = concat(std::string(5000, 'x'), kOpenMpi4, kOpenMpi5);
    for (size_t at = 0; at < text.size(); at += piece)
      finder.read(std::string_view(text).substr(at, piece));
    ASSERT_TRUE(finder.found()) << piece;
    EXPECT_EQ(finder.found()->rank, 3);
    EXPECT_EQ(finder.found()->host, "10.78.0.2");
    EXPECT_EQ(finder.found()->signal, "9 (Killed)");
  }
  DeadRankFinder finder;
  finder.read(kOpenMpi5);
  ASSERT_TRUE(finder.found());
  EXPECT_EQ(finder.found()->rank, 2);
  EXPECT_EQ(finder.found()->host, "vm");
  EXPECT_EQ(finder.found()->signal, "11 (Segmentation fault)");
}

// Slurm 22.05's; the ranks after the first one srun has ended itself.
const std::string kSrunKilled =
    "srun: cluster configuration lacks support for cpu binding\n"
    "srun: error: node2: task 2: Killed\n"
    "srun: launch/slurm: _step_signal: Terminating StepId=4.0\n"
    "srun: error: node1: task 0: Terminated\n"
    "srun: error: node1: task 1: Killed\n";
const std::string kSrunCrashed = "srun: error: node1: task 0: Segmentation fault (core dumped)\n";
const std::string kSrunExited =
    "srun: error: node1: tasks 3-5: Exited with exit code 85\n"
    "srun: error: node1: task 0: Terminated\n";

TEST(DeadRank, IsFoundInWhatSrunSays) {
  for (const size_t piece : {1, 7, 4096}) {
    DeadRankFinder finder;
    const std::string text = concat(std::string(5000, 'x'), kSrunKilled);
    for (size_t at = 0; at < text.size(); at += piece)
      finder.read(std::string_view(text).substr(at, piece));
    ASSERT_TRUE(finder.found()) << piece;
    EXPECT_EQ(finder.found()->rank, 2);
    EXPECT_EQ(finder.found()->host, "node2");
    EXPECT_EQ(finder.found()->signal, "9 (Killed)");
    EXPECT_EQ(finder.code(), 137);
  }
  DeadRankFinder crashed;
  crashed.read(kSrunCrashed);
  ASSERT_TRUE(crashed.found());
  EXPECT_EQ(crashed.found()->signal, "11 (Segmentation fault)");
  DeadRankFinder exited;
  exited.read(kSrunExited);
  EXPECT_FALSE(exited.found());
  EXPECT_EQ(exited.code(), 85);
}

TEST(DeadRank, IsNobodyWhenNoneDied) {
  DeadRankFinder finder;
  finder.read("MPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD with errorcode 1.\n");
  EXPECT_FALSE(finder.found());
}

TEST(DeadRank, IsToldWithWhatItWasLastHeardDoing) {
  const TemporaryFolder folder;
  const std::filesystem::path events = folder / "events.jsonl";
  const std::string earlier =
      R"({"event":"stop","workers":[{"rank":2,"host":"old","seconds_ago":3,"doing":"nothing"}]})"
      "\n";
  writeFileAtomically(
      events,
      earlier +
          R"({"event":"stop","workers":[{"rank":1,"host":"node1","seconds_ago":0.2,"doing":"a"},)"
          R"({"rank":2,"host":"node2","seconds_ago":1.234,"doing":"in step 41, computing"}]})"
          "\n{\"event\":\"checkpoint\",\"text\":\"\"}\n{\"half");
  const DeadRank dead{2, "10.0.0.2", "9 (Killed)"};
  EXPECT_EQ(describeDeadRank(dead, events, earlier.size()),
            "rank 2@node2 was ended by signal 9 (Killed), last heard 1.2 s before the job's end in "
            "step 41, computing");
  EXPECT_EQ(describeDeadRank({7, "10.0.0.2", "9 (Killed)"}, events, 0),
            "rank 7@10.0.0.2 was ended by signal 9 (Killed)");
  EXPECT_EQ(describeDeadRank({0, "node1", "9 (Killed)"}, folder / "none", 0),
            "rank 0@node1, the coordinator, was ended by signal 9 (Killed)");
}

TEST(RankError, IsTheFirstOneThatARankSays) {
  for (const size_t piece : {1, 7, 4096}) {
    RankErrorFinder finder;
    const std::string text =
        "sphereface: error: the launcher's own\n"
        "sphereface-worker: rank 2@node1: error: data.lmdb: record 7: not a JPEG\n"
        "sphereface-coordinator: rank 0@node1: error: what came of it\n";
    for (size_t at = 0; at < text.size(); at += piece)
      finder.read(std::string_view(text).substr(at, piece));
    EXPECT_EQ(finder.found(), "rank 2@node1: data.lmdb: record 7: not a JPEG");
  }
}

}  // namespace
}  // namespace sphereface
