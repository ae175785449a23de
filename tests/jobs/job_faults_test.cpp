// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Whole jobs that something happens to: killed, stopped and asked to stop, damaged, diverging.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/pattern.h"
#include "base/this_process.h"
#include "model/checkpoint.h"
#include "model/checkpoint_check.h"
#include "run/run_folder.h"
#include "tests/support/job_processes.h"
#include "tests/support/job_support.h"
#include "tests/support/small_disk.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Finished;
using testing::Job;
using testing::Process;
using testing::runCommand;

class JobFaults : public Job {
 protected:
  // Long enough to be met on its way; some seconds.
  static constexpr uint64_t kSteps = 400;

  static std::vector<std::string> longLine(const std::string& run,
                                           const std::vector<std::string>& more = {}) {
    std::vector<std::string> line =
        trainLine(run, 2,
                  {"--set", concat("solver.steps=", kSteps), "--set", "head.gradient=EXACT",
                   "--set", "checkpoint.every_steps=100"});
    line.insert(line.end(), more.begin(), more.end());
    return line;
  }

  static pid_t worker(const std::string& run, int rank) {
    return testing::jobProcesses(folder_ / run).worker(rank);
  }
  static pid_t coordinator(const std::string& run) {
    return testing::jobProcesses(folder_ / run).coordinator;
  }

  static bool waitsForTheLock(const std::string& run) {
    const fs::path files = concat("/proc/", coordinator(run), "/fd");
    std::error_code gone;
    for (fs::directory_iterator file(files, gone), end; !gone && file != end;
         file.increment(gone)) {
      if (fs::read_symlink(file->path(), gone) == folder_ / run / ".lock") return true;
    }
    return false;
  }

  /// The parameters and momenta that a run nothing happens to ends with, made once.
  static void expectUndisturbedBits(const std::string& run) {
    if (undisturbed_.empty()) {
      const Finished done = runCommand(longLine("undisturbed"));
      ASSERT_EQ(done.code, 0) << done.output;
      undisturbed_ = parameters("undisturbed", kSteps) + momentum("undisturbed", kSteps);
    }
    EXPECT_TRUE(parameters(run, kSteps) + momentum(run, kSteps) == undisturbed_);
  }

  static std::string undisturbed_;
};

std::string JobFaults::undisturbed_;

TEST_F(JobFaults, AKilledWorkerEndsTheJobAndIsNamed) {
  for (const auto& [signal, name] :
       {std::pair(SIGKILL, "9 (Killed)"), std::pair(SIGSEGV, "11 (Segmentation fault)")}) {
    const std::string run = concat("killed-", signal);
    Process job(longLine(run, {"--set", "solver.steps=1000000"}));
    ASSERT_TRUE(hasCheckpoint(run)) << job.output();
    ASSERT_EQ(::kill(worker(run, 2), signal), 0);
    EXPECT_GT(job.wait(90), 0) << "still running after 90 s";
    EXPECT_NE(job.output().find("sphereface: error: the job ended with exit code"),
              std::string::npos)
        << job.output();
    const std::vector<Json> lost = events(run, "lost");
    ASSERT_EQ(lost.size(), 1U) << job.output();
    EXPECT_EQ(lost[0].at("rank"), 2);
    const std::string text = lost[0].at("text").text();
    EXPECT_NE(job.output().find("sphereface: " + text), std::string::npos) << job.output();
    const std::string beginning = concat("rank 2@", hostName(), " was ended by signal ", name);
    ASSERT_EQ(text.substr(0, beginning.size()), beginning);
    EXPECT_FALSE(findPattern("^, last heard [0-9.]+ s before the job's end (in|after) step "
                             "[0-9]+,.* last collective all-reduce [1-9][0-9]*, "
                             "(collecting|handing out)$",
                             text.substr(beginning.size()))
                     .empty())
        << text;
  }
}

TEST_F(JobFaults, AStoppedWorkerEndsTheJobAndIsNamed) {
  Process job(longLine(
      "stopped", {"--set", "solver.steps=1000000", "--set", "coordinator.liveness_seconds=3"}));
  ASSERT_TRUE(hasCheckpoint("stopped")) << job.output();
  ASSERT_EQ(::kill(worker("stopped", 2), SIGSTOP), 0);
  EXPECT_GT(job.wait(90), 0) << "still running after 90 s";
  // Rank 1 waits for it, which is no reason to name rank 1.
  EXPECT_NE(job.output().find("error: rank 2@"), std::string::npos) << job.output();
  EXPECT_EQ(job.output().find("error: rank 1@"), std::string::npos) << job.output();
  EXPECT_NE(job.output().find(", last heard "), std::string::npos) << job.output();
  EXPECT_NE(job.output().find(", last collective all-reduce "), std::string::npos) << job.output();
  const std::vector<Json> lost = events("stopped", "lost");
  ASSERT_EQ(lost.size(), 1U) << job.output();
  ASSERT_EQ(lost[0].at("workers").size(), 1U) << lost[0];
  EXPECT_EQ(lost[0].at("workers")[0].at("rank"), 2) << lost[0];
}

TEST_F(JobFaults, AWorkerStoppedAtTheStartEndsTheJobToo) {
  // What the coordinator sends it can't be delivered. The job waits for the lock meanwhile.
  fs::create_directories(folder_ / "early");
  Process job(longLine("early", {"--set", "coordinator.liveness_seconds=2"}));
  ASSERT_TRUE(waitUntil([&] { return coordinator("early") > 0; })) << job.output();
  auto lock = std::make_unique<RunLock>(folder_ / "early");
  // No process gets past MPI's own start before all are there.
  ASSERT_TRUE(waitUntil([&] { return waitsForTheLock("early"); })) << job.output();
  ASSERT_EQ(::kill(worker("early", 2), SIGSTOP), 0);
  lock.reset();
  EXPECT_GT(job.wait(90), 0) << "still running after 90 s";
  EXPECT_NE(job.output().find("rank 2@"), std::string::npos) << job.output();
}

/// No rank can say so: none comes through MPI's own start without the others.
TEST_F(JobFaults, NightlyAJobThatHangsInItsStartIsNamed) {
  Process job(longLine("held"));
  ASSERT_TRUE(waitUntil([&] { return worker("held", 2) > 0; })) << job.output();
  const pid_t held = worker("held", 2);
  ASSERT_EQ(::kill(held, SIGSTOP), 0);
  EXPECT_LT(job.wait(70), 0);
  EXPECT_NE(job.output().find("no coordinator after 60 s"), std::string::npos) << job.output();
  ASSERT_EQ(::kill(held, SIGCONT), 0);
  EXPECT_EQ(job.wait(90), 0) << job.output();
}

TEST_F(JobFaults, AskedToStopItCommitsACheckpointToContinueFrom) {
  for (const int signal : {SIGUSR1, SIGTERM}) {
    const std::string run = concat("asked-", signal);
    Process job(longLine(run));
    ASSERT_TRUE(hasCheckpoint(run)) << job.output();
    job.signal(signal);
    ASSERT_EQ(job.wait(90), 85) << job.output();
    EXPECT_NE(job.output().find("with --resume auto"), std::string::npos) << job.output();
    const Finished resumed = runCommand(longLine(run, {"--resume", "auto"}));
    ASSERT_EQ(resumed.code, 0) << resumed.output;
    expectUndisturbedBits(run);
  }
}

TEST_F(JobFaults, AKilledJobIsStartedAgainAndEndsWithTheSameBits) {
  Process job(longLine("again", {"--restarts", "3"}));
  ASSERT_TRUE(hasCheckpoint("again")) << job.output();
  ASSERT_EQ(::kill(worker("again", 1), SIGKILL), 0);
  ASSERT_TRUE(waitUntil([&] { return events("again", "start").size() == 2; })) << job.output();
  ASSERT_EQ(::kill(coordinator("again"), SIGKILL), 0);
  ASSERT_EQ(job.wait(60), 0) << job.output();
  EXPECT_NE(job.output().find("restart 1 of 3: the job ended with exit code 137"),
            std::string::npos)
      << job.output();
  expectUndisturbedBits("again");
}

TEST_F(JobFaults, GoingOnWithFewerWorkersEndsWithTheSameBits) {
  const std::vector<std::string> reproducible = {"--set", "solver.reproducible_shards=4", "--set",
                                                 "solver.batch_size=12"};
  std::vector<std::string> line = trainLine("four", 4, reproducible);
  line.insert(line.end(), {"--set", concat("solver.steps=", kSteps / 2)});
  const Finished undisturbed = runCommand(line);
  ASSERT_EQ(undisturbed.code, 0) << undisturbed.output;

  line = trainLine("fewer", 4, reproducible);
  line.insert(line.end(), {"--set", concat("solver.steps=", kSteps / 2), "--set",
                           "checkpoint.every_steps=50", "--restarts", "1", "--min-workers", "1"});
  Process job(line);
  ASSERT_TRUE(hasCheckpoint("fewer")) << job.output();
  ASSERT_EQ(::kill(worker("fewer", 3), SIGKILL), 0);
  ASSERT_EQ(job.wait(60), 0) << job.output();
  EXPECT_NE(job.output().find("again with 2 workers"), std::string::npos) << job.output();
  EXPECT_TRUE(parameters("fewer", kSteps / 2) == parameters("four", kSteps / 2));
  EXPECT_TRUE(momentum("fewer", kSteps / 2) == momentum("four", kSteps / 2));
  EXPECT_EQ(readFile(folder_ / "fewer" / "records.tsv"),
            readFile(folder_ / "four" / "records.tsv"));
}

TEST_F(JobFaults, RestartsEnd) {
  // Known to the coordinator alone: no address of this host.
  const std::string nowhere = "coordinator.listen=192.0.2.1:0";
  const Finished failed = runCommand(
      trainLine("hopeless", 3, {"--set", nowhere, "--restarts", "1", "--min-workers", "2"}));
  EXPECT_EQ(failed.code, 1) << failed.output;
  EXPECT_NE(failed.output.find("restart 1 of 1: the job ended with exit code 1; again with 2 "
                               "workers in 1 s"),
            std::string::npos)
      << failed.output;
  EXPECT_EQ(failed.output.find("restart 2"), std::string::npos) << failed.output;
}

TEST_F(JobFaults, AskedToStopBetweenTwoTriesItTriesNoMore) {
  // Known to the coordinator alone: no address of this host.
  const std::string nowhere = "coordinator.listen=192.0.2.1:0";
  Process job(trainLine("between", 1, {"--set", nowhere, "--restarts", "5"}));
  ASSERT_TRUE(waitUntil([&] { return job.output().find("restart 3 of 5") != std::string::npos; }))
      << job.output();
  // The fourth try would begin in 4 s.
  job.signal(SIGTERM);
  EXPECT_EQ(job.wait(3), 1) << job.output();
  EXPECT_EQ(job.output().find("restart 4"), std::string::npos) << job.output();
}

TEST_F(JobFaults, ADamagedCheckpointIsPassedOver) {
  const std::vector<std::string> every = {"--set", "checkpoint.every_steps=4"};
  ASSERT_EQ(runCommand(trainLine("whole", 2, every)).code, 0);
  fs::create_directories(folder_ / "damaged" / "checkpoints");
  for (const uint64_t step : {4, 8})
    fs::copy(checkpointFolder(folder_ / "whole", step),
             checkpointFolder(folder_ / "damaged", step));
  const fs::path part = checkpointFolder(folder_ / "damaged", 8) / kMomentumFile;
  std::string bytes = readFile(part);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  writeFileAtomically(part, bytes);
  const std::vector<std::string> resume = {"--resume", "auto", "--set", "checkpoint.every_steps=4"};
  const Finished resumed = runCommand(trainLine("damaged", 2, resume));
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  EXPECT_NE(resumed.output.find(concat(part.string(), ": damaged")), std::string::npos)
      << resumed.output;
  EXPECT_NE(resumed.output.find("training from step 4"), std::string::npos) << resumed.output;
  EXPECT_TRUE(parameters("damaged", 12) == parameters("whole", 12));

  // With no whole one left there is nothing to start from; starting over would be no resume.
  for (const fs::path& checkpoint : listCheckpoints(folder_ / "damaged"))
    writeFileAtomically(checkpoint / kParametersFile, "");
  const Finished none = runCommand(trainLine("damaged", 2, {"--resume", "auto"}));
  EXPECT_EQ(none.code, 1) << none.output;
  EXPECT_NE(none.output.find("holds no whole checkpoint"), std::string::npos) << none.output;
}

TEST_F(JobFaults, WorkersStepOnWhileTheCoordinatorIsPaused) {
  Process job(longLine(
      "paused", {"--set", "coordinator.lease_steps=1000000", "--set", "solver.steps=1000000",
                 "--set", "checkpoint.every_steps=20", "--set", "coordinator.liveness_seconds=2"}));
  ASSERT_TRUE(hasCheckpoint("paused")) << job.output();
  const pid_t pid = coordinator("paused");
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  // The parts of checkpoints that nobody commits.
  auto written = [&] {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         fs::directory_iterator(folder_ / "paused" / "checkpoints"))
      ++count;
    return count;
  };
  const size_t before = written();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_GT(written(), before + 3);
  // A pause longer than the workers may be silent isn't held against them.
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  const size_t committed = events("paused", "checkpoint").size();
  EXPECT_TRUE(waitUntil([&] { return events("paused", "checkpoint").size() > committed + 3; }))
      << job.output();
  job.signal(SIGTERM);
  EXPECT_EQ(job.wait(90), 85) << job.output();
}

TEST_F(JobFaults, ADivergingRunEndsAndSaysSo) {
  const Finished failed = runCommand(trainLine(
      "diverged", 2, {"--set", "solver.base_learning_rate=1e18", "--set", "solver.warmup=0"}));
  EXPECT_EQ(failed.code, 1) << failed.output;
  EXPECT_NE(failed.output.find(": training diverged"), std::string::npos) << failed.output;
  const Finished skipped =
      runCommand(trainLine("diverged-skip", 2,
                           {"--set", "solver.base_learning_rate=1e18", "--set", "solver.warmup=0",
                            "--set", "solver.on_divergence=SKIP", "--set", "solver.steps=100"}));
  EXPECT_EQ(skipped.code, 1) << skipped.output;
  EXPECT_GE(events("diverged-skip", "skipped").size(), 9U) << skipped.output;
}

TEST_F(JobFaults, ARunThatExplodesGoesBackToItsCheckpoint) {
  // Every loss above half of the first one counts.
  const Finished done =
      runCommand(trainLine("exploded", 2,
                           {"--set", "solver.explosion=0.5", "--set", "solver.steps=5", "--set",
                            "solver.on_divergence=ROLL_BACK", "--set", "checkpoint.initial=true"}));
  ASSERT_EQ(done.code, 0) << done.output;
  EXPECT_NE(done.output.find("step 1 diverged: went on with the weights of "), std::string::npos)
      << done.output;
  EXPECT_TRUE(parameters("exploded", 0) == parameters("exploded", 5));
  EXPECT_EQ(readJsonFile(folder_ / "exploded" / "summary.json").at("skipped_steps"), 4);
  EXPECT_EQ(readJsonFile(folder_ / "exploded" / "summary.json").at("roll_backs"), 4);
  EXPECT_EQ(events("exploded", "roll_back").size(), 4U);

  const Finished failed = runCommand(
      trainLine("exploding", 2,
                {"--set", "solver.explosion=0.5", "--set", "solver.on_divergence=ROLL_BACK"}));
  EXPECT_EQ(failed.code, 1) << failed.output;
  EXPECT_NE(failed.output.find("there is no checkpoint to go back to"), std::string::npos)
      << failed.output;
}

TEST_F(JobFaults, AFullDiskEndsTheJobAndLeavesTheLastCheckpointWhole) {
  const fs::path mount = folder_ / "small-disk";
  const testing::SmallDisk disk(mount, "512k");
  if (!disk.mounted()) GTEST_SKIP() << disk.problem();
  const Finished failed = runCommand(trainLine(
      "small-disk", 2, {"--set", "checkpoint.every_steps=2", "--set", "checkpoint.keep=0"}));
  EXPECT_EQ(failed.code, 1) << failed.output;
  EXPECT_NE(failed.output.find("No space left on device"), std::string::npos) << failed.output;
  EXPECT_NE(failed.output.find((mount / "checkpoints").string()), std::string::npos)
      << failed.output;
  const std::vector<fs::path> checkpoints = listCheckpoints(mount);
  EXPECT_FALSE(checkpoints.empty());
  for (const fs::path& checkpoint : checkpoints)
    verifyCheckpoint(checkpoint, readCheckpointManifest(checkpoint));
}

}  // namespace
}  // namespace sphereface
