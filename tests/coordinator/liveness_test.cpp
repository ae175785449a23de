// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "coordinator/liveness.h"

#include <gtest/gtest.h>

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

TEST(Liveness, WhoSaidGoodbyeMayBeSilent) {
  Liveness liveness(1, seconds(10), seconds(300), kStart);
  liveness.goodbye(1);
  EXPECT_EQ(complaint(liveness, kStart + seconds(1000)), "");
}

}  // namespace
}  // namespace sphereface
