// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Whole jobs over several hosts, whose links are cut.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <thread>

#include "base/atomic_file.h"
#include "model/checkpoint.h"
#include "tests/support/job_support.h"
#include "tests/support/network_namespaces.h"

namespace sphereface {
namespace {

using testing::Finished;
using testing::Job;
using testing::NetworkNamespaces;
using testing::Process;
using testing::runCommand;

class Hosts : public Job {
 protected:
  void SetUp() override {
    const std::string missing = NetworkNamespaces::missing();
    if (!missing.empty()) GTEST_SKIP() << missing;
  }

  void makeHosts(int count) {
    count_ = count;
    hosts_ = std::make_unique<NetworkNamespaces>(count);
  }

  /// A job with one worker on each host.
  std::vector<std::string> jobLine(const std::string& run,
                                   const std::vector<std::string>& more = {}) const {
    return hostsLine(*hosts_, count_, 1, run, more);
  }

  std::vector<std::string> longJobLine(const std::string& run,
                                       const std::vector<std::string>& more) const {
    std::vector<std::string> line = jobLine(run, longRun());
    line.insert(line.end(), more.begin(), more.end());
    return line;
  }

  int count_ = 0;
  std::unique_ptr<NetworkNamespaces> hosts_;
};

TEST_F(Hosts, TrainTheBitsOfOneHost) {
  makeHosts(3);
  const Finished spread = runCommand(jobLine("spread"));
  ASSERT_EQ(spread.code, 0) << spread.output;
  const Finished together = runCommand(trainLine("together", 3));
  ASSERT_EQ(together.code, 0) << together.output;
  EXPECT_TRUE(parameters("spread", 12) == parameters("together", 12));
  EXPECT_TRUE(momentum("spread", 12) == momentum("together", 12));

  const std::vector<Json> workers = events("spread", "worker");
  ASSERT_EQ(workers.size(), 3U);
  for (const Json& worker : workers)
    EXPECT_EQ(worker.at("host"), NetworkNamespaces::name(worker.at("rank").get<int>()));

  // An all-reduce of n ranks sends and receives 2 (n-1)/n of the bytes on each, 12 times.
  const uint64_t gradients = 12 * parameters("spread", 12).size() * 4 / 3;
  for (int host = 1; host <= 3; ++host) {
    EXPECT_GT(hosts_->bytesSent(host), gradients);
    EXPECT_GT(hosts_->bytesReceived(host), gradients);
  }
}

TEST_F(Hosts, AStoppedRunGoesOnAndIsEvaluatedOnThem) {
  makeHosts(3);
  Process job(longJobLine("stopped", {}));
  ASSERT_TRUE(hasCheckpoint("stopped")) << job.output();
  job.signal(SIGTERM);
  ASSERT_EQ(job.wait(60), 85) << job.output();
  const Finished resumed = runCommand(longJobLine("stopped", {"--resume", "auto"}));
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  const Finished together = runCommand(trainLine("unbroken", 3, longRun()));
  ASSERT_EQ(together.code, 0) << together.output;
  EXPECT_TRUE(parameters("stopped", kLongSteps) == parameters("unbroken", kLongSteps));

  const auto path = [](const char* name) { return (folder_ / name).string(); };
  const std::vector<std::string> extract = {
      testing::program("sphereface"),
      "extract",
      "--checkpoint",
      checkpointFolder(folder_ / "stopped", kLongSteps).string(),
      "--input",
      path("faces"),
      "--output"};
  std::vector<std::string> spread = extract;
  spread.push_back(path("spread.npy"));
  const Finished extracted = runCommand(onHosts(*hosts_, 3, 1, spread));
  ASSERT_EQ(extracted.code, 0) << extracted.output;
  std::vector<std::string> alone = extract;
  alone.push_back(path("alone.npy"));
  ASSERT_EQ(runCommand(alone).code, 0);
  EXPECT_TRUE(readFile(folder_ / "spread.npy") == readFile(folder_ / "alone.npy"));
}

TEST_F(Hosts, ASlowLinkIsNamedBeforeTheFirstStep) {
  makeHosts(3);
  // So slow that on a busy machine the others are still three times as fast.
  hosts_->slowLink(3, 10);
  const Finished finished = runCommand(jobLine("slow-link"));
  ASSERT_EQ(finished.code, 0) << finished.output;
  const std::vector<Json> slow = events("slow-link", "slow_link");
  ASSERT_FALSE(slow.empty()) << finished.output;
  EXPECT_NE(slow.back().at("text").get<std::string>().find("all links of node3 are slow: "),
            std::string::npos)
      << slow.back();
  const std::vector<Json> measured = events("slow-link", "links");
  ASSERT_EQ(measured.size(), 1U);
  for (const Json& link : measured[0].at("links")) {
    const auto rate = link.at("bytes_per_second").get<double>();
    const bool is_slow = link.at("hosts").at(0) == "node3" || link.at("hosts").at(1) == "node3";
    EXPECT_EQ(rate < 2.5e6, is_slow) << link;  // 1.25e6, and what the filter lets through at once
  }
  EXPECT_EQ(measured[0].at("links").size(), 3U);
  EXPECT_GE(measured[0].at("reduction").size(), 2U);
  // The hosts' network, not others that this machine may have.
  EXPECT_NE(finished.output.find("network: 10."), std::string::npos) << finished.output;
  EXPECT_NE(finished.output.find("--mca btl_tcp_if_include 10."), std::string::npos)
      << finished.output;

  const Finished untested = runCommand(jobLine("untested", {"--set", "worker.link_test=false"}));
  ASSERT_EQ(untested.code, 0) << untested.output;
  EXPECT_TRUE(events("untested", "links").empty());
}

TEST_F(Hosts, EachHostSendsItsPartOfTheSumOnce) {
  makeHosts(2);
  std::vector<std::string> options = longRun();
  options.insert(options.end(), {"--set", "worker.link_test=false"});  // which sends more than that
  const Finished spread = runCommand(hostsLine(*hosts_, 2, 2, "two-levels", options));
  ASSERT_EQ(spread.code, 0) << spread.output;
  const Finished together = runCommand(trainLine("one-level", 4, longRun()));
  ASSERT_EQ(together.code, 0) << together.output;
  EXPECT_TRUE(parameters("two-levels", kLongSteps) == parameters("one-level", kLongSteps));
  // Half of the gradients to the other host and half of the sums: in one level, where each of the
  // two workers would have to, it were twice as many.
  const uint64_t gradients = kLongSteps * parameters("two-levels", kLongSteps).size();
  for (int host = 1; host <= 2; ++host) {
    EXPECT_GT(hosts_->bytesSent(host), gradients);
    EXPECT_LT(hosts_->bytesSent(host), gradients * 3 / 2);
  }
}

TEST_F(Hosts, ALinkCutForAMomentIsWaitedOut) {
  makeHosts(2);
  Process job(longJobLine("moment", {}));
  ASSERT_TRUE(hasCheckpoint("moment")) << job.output();
  hosts_->cutLink(2);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  hosts_->mendLink(2);
  ASSERT_EQ(job.wait(60), 0) << job.output();
  expectUndisturbedBits("moment");
}

TEST_F(Hosts, AHostThatIsCutOffEndsTheJobAndIsNamed) {
  makeHosts(2);
  hosts_->loseHopeSoon(2);
  const std::vector<std::string> patience = {"--set", "coordinator.liveness_seconds=3", "--set",
                                             "worker.collective_timeout=6"};
  Process job(longJobLine("cut", patience));
  ASSERT_TRUE(hasCheckpoint("cut")) << job.output();
  hosts_->cutLink(2);
  EXPECT_GT(job.wait(60), 0) << "still running after 60 s: " << job.output();
  EXPECT_NE(job.output().find("error: rank 2@node2 has been silent"), std::string::npos)
      << job.output();
  EXPECT_NE(job.output().find(", last heard "), std::string::npos) << job.output();
  EXPECT_NE(job.output().find(", last collective all-reduce "), std::string::npos) << job.output();
  // Rank 1 waits for it, which is no reason to name rank 1.
  EXPECT_EQ(job.output().find("error: rank 1@"), std::string::npos) << job.output();
  EXPECT_NE(job.output().find("with --resume auto"), std::string::npos) << job.output();
  // Nobody can end what runs on the other host: it has to do so itself.
  for (int host = 1; host <= 2; ++host)
    EXPECT_TRUE(waitUntil([&] { return hosts_->processes(host).empty(); })) << host;

  hosts_->mendLink(2);
  const Finished resumed = runCommand(longJobLine("cut", {"--resume", "auto"}));
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  expectUndisturbedBits("cut");
}

TEST_F(Hosts, ARestartTakesUpWhatACutLinkEnded) {
  makeHosts(2);
  // The workers notice before the coordinator does.
  Process job(longJobLine("again", {"--restarts", "3", "--set", "worker.collective_timeout=3"}));
  ASSERT_TRUE(hasCheckpoint("again")) << job.output();
  hosts_->cutLink(2);
  EXPECT_TRUE(waitUntil([&] {
    return job.output().find("waited 3 s in vain for rank 2@node2") != std::string::npos;
  })) << job.output();
  hosts_->mendLink(2);
  ASSERT_EQ(job.wait(90), 0) << job.output();
  EXPECT_NE(job.output().find("restart 1 of 3"), std::string::npos) << job.output();
  expectUndisturbedBits("again");
}

TEST_F(Job, MoreWorkersThanHostsTakeAreRefused) {
  const Finished refused = runCommand(trainLine("refused", 3, {"--hosts", "a:1,b:1"}));
  EXPECT_EQ(refused.code, 2) << refused.output;
  EXPECT_NE(refused.output.find("--workers 3, but --hosts has places for 2"), std::string::npos)
      << refused.output;
}

}  // namespace
}  // namespace sphereface
