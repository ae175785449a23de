// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/liveness.h"

#include <gtest/gtest.h>

#include <utility>

namespace sphereface {
namespace {

using std::chrono::seconds;

const Liveness::Clock::time_point kStart{};

std::string complaint(const Liveness& liveness, Liveness::Clock::time_point now) {
  const std::vector<LastHeard> silent = liveness.silent(now);
  return silent.empty() ? "" : describeSilent(silent);
}

TEST(Liveness, NamesWhoIsSilentAndWhatItWasDoing) {
  Liveness liveness(3, seconds(10), seconds(300), kStart);
  for (int rank = 1; rank <= 3; ++rank)
    liveness.hello(rank, "node" + std::to_string(rank), kStart + seconds(1));
  WorkerHeartbeat heartbeat;
  heartbeat.set_step(41);
  heartbeat.set_phase(WorkerHeartbeat::REDUCING);
  heartbeat.set_collective("all-reduce 1841, collecting");
  liveness.heartbeat(2, heartbeat, kStart + seconds(5));
  EXPECT_EQ(complaint(liveness, kStart + seconds(11)), "");
  for (const int rank : {1, 3})
    liveness.heard(rank, kStart + seconds(20));
  EXPECT_EQ(complaint(liveness, kStart + seconds(15)), "") << "ten seconds are allowed";
  EXPECT_EQ(complaint(liveness, kStart + seconds(16)),
            "rank 2@node2 has been silent for 11 s, last heard in step 41, waiting for the "
            "reduction of gradients, last collective all-reduce 1841, collecting (dead, stopped or "
            "cut off)");
  const std::string all = complaint(liveness, kStart + seconds(40));
  EXPECT_NE(all.find("rank 1@node1"), std::string::npos) << all;
  EXPECT_NE(all.find("; rank 3@node3"), std::string::npos) << all;
}

TEST(Liveness, NamesAFewOfMany) {
  Liveness liveness(1000, seconds(10), seconds(300), kStart);
  const std::string all = complaint(liveness, kStart + seconds(20));
  EXPECT_NE(all.find("rank 8@?"), std::string::npos) << all;
  EXPECT_EQ(all.find("rank 9@?"), std::string::npos) << all;
  EXPECT_NE(all.find("; and 992 more (dead"), std::string::npos) << all;
}

TEST(Liveness, TellsWhatWasLastHeardOfThoseWhoHaventSaidGoodbye) {
  Liveness liveness(2, seconds(10), seconds(300), kStart);
  liveness.hello(2, "node2", kStart + seconds(1));
  liveness.goodbye(1);
  const std::vector<LastHeard> heard = liveness.lastHeard(kStart + seconds(3));
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].rank, 2);
  EXPECT_EQ(heard[0].host, "node2");
  EXPECT_EQ(heard[0].ago.count(), 2);
  EXPECT_EQ(heard[0].doing, "in step 0, starting");

  StepReport report;
  report.set_step(6);
  report.set_collective("all-reduce 21, handing out");
  liveness.stepDone(2, report, kStart + seconds(4));
  EXPECT_EQ(liveness.lastHeard(kStart + seconds(4))[0].doing,
            "after step 6, last collective all-reduce 21, handing out");
}

TEST(Liveness, ItsOwnPauseIsNoSilenceOfOthers) {
  Liveness liveness(1, seconds(10), seconds(300), kStart);
  for (int second = 0; second <= 8; ++second)
    liveness.tick(kStart + std::chrono::milliseconds(900 * second));
  liveness.tick(kStart + seconds(107));
  EXPECT_EQ(complaint(liveness, kStart + seconds(107)), "");
  EXPECT_EQ(complaint(liveness, kStart + seconds(111)).substr(0, 39),
            "rank 1@? has been silent for 11 s, last");
}

WorkerHeartbeat beat(WorkerHeartbeat::Phase phase, uint64_t progress) {
  WorkerHeartbeat heartbeat;
  heartbeat.set_step(3);
  heartbeat.set_phase(phase);
  heartbeat.set_progress(progress);
  return heartbeat;
}

TEST(Liveness, WhoLivesButDoesntGetOnIsNamed) {
  Liveness liveness(1, seconds(10), seconds(300), kStart);
  liveness.hello(1, "node1", kStart);
  liveness.stepDone(1, StepReport(), kStart + seconds(1));
  liveness.heartbeat(1, beat(WorkerHeartbeat::COMPUTING, 7), kStart + seconds(2));
  for (int second = 3; second <= 303; ++second)
    liveness.heartbeat(1, beat(WorkerHeartbeat::COMPUTING, 7), kStart + seconds(second));
  EXPECT_TRUE(liveness.silent(kStart + seconds(303)).empty());
  EXPECT_TRUE(liveness.stuck(kStart + seconds(302)).empty());
  const std::vector<LastHeard> stuck = liveness.stuck(kStart + seconds(303));
  ASSERT_EQ(stuck.size(), 1U);
  EXPECT_EQ(
      describeStuck(stuck),
      "rank 1@node1 lives, but hasn't got on for 301 s, last heard in step 3, computing (hangs)");
  // A part of the step is done.
  liveness.heartbeat(1, beat(WorkerHeartbeat::COMPUTING, 8), kStart + seconds(304));
  EXPECT_TRUE(liveness.stuck(kStart + seconds(305)).empty());
}

/// Steps of six minutes, of which no part is told.
TEST(Liveness, WhoIsSlowAllTheTimeDoesntHang) {
  Liveness liveness(1, seconds(10), seconds(300), kStart);
  liveness.hello(1, "node1", kStart);
  int second = 1;
  for (uint64_t step = 0; step < 3; ++step) {
    for (const int ends = second + 360; second < ends; ++second) {
      liveness.heartbeat(1, beat(WorkerHeartbeat::COMPUTING, step + 1), kStart + seconds(second));
      EXPECT_TRUE(liveness.stuck(kStart + seconds(second)).empty()) << step << " " << second;
    }
    liveness.stepDone(1, StepReport(), kStart + seconds(second));
  }
}

/// Of writing a large checkpoint, and of who waits for others, no part is told.
TEST(Liveness, WritingAndWaitingMayTakeLonger) {
  for (const auto& [phase, limit] :
       {std::pair(WorkerHeartbeat::WRITING, 3600), std::pair(WorkerHeartbeat::REDUCING, 600),
        std::pair(WorkerHeartbeat::WAITING, 600)}) {
    Liveness liveness(1, seconds(10), seconds(300), kStart);
    liveness.hello(1, "node1", kStart);
    liveness.stepDone(1, StepReport(), kStart);
    liveness.heartbeat(1, beat(phase, 1), kStart);
    EXPECT_TRUE(liveness.stuck(kStart + seconds(limit)).empty()) << limit;
    EXPECT_EQ(liveness.stuck(kStart + seconds(limit + 1)).size(), 1U) << limit;
  }
}

TEST(Liveness, WhoNeverCameIsNamed) {
  Liveness liveness(2, seconds(10), seconds(300), kStart);
  liveness.hello(1, "node1", kStart + seconds(1));
  EXPECT_TRUE(liveness.absent(kStart + seconds(120)).empty());
  const std::vector<LastHeard> absent = liveness.absent(kStart + seconds(121));
  ASSERT_EQ(absent.size(), 1U);
  EXPECT_EQ(absent[0].rank, 2);
}

TEST(Liveness, WhoSaidGoodbyeMayBeSilent) {
  Liveness liveness(1, seconds(10), seconds(300), kStart);
  liveness.goodbye(1);
  EXPECT_EQ(complaint(liveness, kStart + seconds(1000)), "");
}

}  // namespace
}  // namespace sphereface
