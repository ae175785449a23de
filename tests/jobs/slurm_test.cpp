// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// scripts/slurm on a real Slurm: pack, train over two nodes, evaluate; stopped ahead of the time
// limit, cancelled, failed. Ranks are started by srun, or, where a test says so, by mpirun.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "model/checkpoint.h"
#include "tests/support/job_processes.h"
#include "tests/support/job_support.h"
#include "tests/support/slurm_cluster.h"
#include "tests/support/small_disk.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

class Slurm : public Job {
 protected:
  struct Submitted {
    std::string pack;
    std::string train;
    std::string evaluate;
  };

  static void SetUpTestSuite() {
    Job::SetUpTestSuite();
    writePairs();
  }

  void SetUp() override {
    const std::string missing = SlurmCluster::missing();
    if (!missing.empty()) GTEST_SKIP() << missing;
    cluster_ = std::make_unique<SlurmCluster>(2, 2);
  }

  static std::string script(const std::string& name) {
    return concat(SPHEREFACE_SCRIPTS, "/slurm/", name);
  }

  /// The example, edited as a user would, and then `more`.
  static fs::path site(const std::string& more = "") {
    fs::path file = folder_ / "site.sh";
    writeFileAtomically(
        file, concat(readFile(script("site.sh")), "time_limit=10\nnodes=2\nworkers_per_node=1\n",
                     "cpus_per_worker=1\nrestarts=0\n", SlurmCluster::siteNetwork(),
                     "programs=", fs::path(program("sphereface")).parent_path().string(),
                     "\nfaces=", (folder_ / "faces").string(),
                     "\ndataset=", (folder_ / "packed.lmdb").string(), "\npack_options=(--size ",
                     kHeight, "x", kWidth, ")\nlfw_pairs=", (folder_ / "pairs.txt").string(),
                     "\nlfw_images=", (folder_ / "lfw").string(), "\n", more));
    return file;
  }

  /// The site's MegaFace: two identities search, the other four are distractors.
  static std::string megaface() {
    Json probes;
    Json distractors;
    for (int identity = 0; identity < kIdentities; ++identity) {
      Json& list = identity < 2 ? probes : distractors;
      for (int image = 0; image < kImages; ++image) {
        list["id"].push_back(concat("id", identity));
        list["path"].push_back(concat("id", identity, "/", image, ".png"));
      }
    }
    writeJsonFile(folder_ / "probes.json", probes);
    writeJsonFile(folder_ / "distractors.json", distractors);
    const std::string faces = (folder_ / "faces").string();
    return concat("megaface_probes=", (folder_ / "probes.json").string(),
                  "\nmegaface_distractors=(", (folder_ / "distractors.json").string(),
                  ")\nmegaface_probe_images=", faces, "\nmegaface_distractor_images=", faces, "\n");
  }

  static std::vector<std::string> submitLine(const fs::path& site, const std::string& run,
                                             const std::vector<std::string>& more = {}) {
    // What mpirun leaves behind when Slurm kills it goes with the test's folder.
    std::vector<std::string> line = {"env",
                                     "TMPDIR=" + folder_.string(),
                                     script("submit.sh"),
                                     "--site",
                                     site.string(),
                                     "--config",
                                     (folder_ / "config.textproto").string(),
                                     "--run",
                                     (folder_ / run).string()};
    line.insert(line.end(), more.begin(), more.end());
    return line;
  }

  /// The job ids that submit.sh prints, "JOB ID" a line.
  static Submitted submit(const fs::path& site, const std::string& run,
                          const std::vector<std::string>& more = {}) {
    const Finished done = runCommand(submitLine(site, run, more));
    EXPECT_EQ(done.code, 0) << done.output;
    Submitted jobs;
    std::istringstream lines(done.output);
    for (std::string job, id; lines >> job >> id;) {
      if (job == "pack") jobs.pack = id;
      if (job == "train") jobs.train = id;
      if (job == "evaluate") jobs.evaluate = id;
    }
    return jobs;
  }

  /// Every job's output.
  static std::string output(const std::string& run) {
    std::string text;
    for (const fs::directory_entry& file : fs::directory_iterator(folder_ / run / "slurm"))
      text += concat("\n== ", file.path().filename().string(), "\n", readFile(file.path()));
    return text;
  }

  static void expectState(const std::string& job, const std::string& state,
                          const std::string& run) {
    EXPECT_TRUE(waitUntil([&] { return SlurmCluster::jobField(job, "JobState") == state; }))
        << job << " is " << SlurmCluster::jobField(job, "JobState") << ", not " << state
        << output(run);
  }

  /// Slurm lets a requeued job wait for two minutes. (Its nodes refuse one that they ended in the
  /// same second.)
  static void startNow(const std::string& job) {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    EXPECT_TRUE(waitUntil([&] {
      if (SlurmCluster::jobField(job, "Dependency") != "(null)") return false;
      runCommand({"scontrol", "update", "JobId=" + job, "StartTime=now"});
      return SlurmCluster::jobField(job, "JobState") != "PENDING";
    }));
  }

  std::unique_ptr<SlurmCluster> cluster_;
};

TEST_F(Slurm, FromFacesToScores) {
  const Submitted jobs = submit(site(megaface()), "road");
  expectState(jobs.evaluate, "COMPLETED", "road");
  const Finished here = runCommand(trainLine("here", 2));
  ASSERT_EQ(here.code, 0) << here.output;
  EXPECT_TRUE(parameters("road", 12) == parameters("here", 12));
  const std::vector<Json> lines = scores("road");
  ASSERT_EQ(lines.size(), 2U) << output("road");
  EXPECT_EQ(lines[0].at("benchmark"), "lfw");
  EXPECT_EQ(lines[1].at("benchmark"), "megaface");
  for (const Json& line : lines)
    EXPECT_EQ(line.at("step"), 12);
  EXPECT_EQ(lines[1].at("distractors"), 40);
  EXPECT_NE(output("road").find(SlurmCluster::srunIsChosen() ? " srun --mpi=pmix "
                                                             : " mpirun --oversubscribe "),
            std::string::npos)
      << output("road");

  // What is done isn't done again.
  const Submitted again = submit(site(megaface()), "road");
  expectState(again.evaluate, "COMPLETED", "road");
  const std::string said = output("road");
  EXPECT_NE(said.find("packed.lmdb is there already"), std::string::npos) << said;
  EXPECT_NE(said.find("step-00000012 is at the run's end already"), std::string::npos) << said;
}

TEST_F(Slurm, AJobAskedToStopGoesBackIntoTheQueueAndEndsWithTheSameBits) {
  const Submitted jobs = submit(site(), "requeued", longRun());
  ASSERT_TRUE(hasCheckpoint("requeued")) << output("requeued");
  // What --signal does ahead of the time limit.
  runCommand({"scancel", "--batch", "--signal=USR1", jobs.train});
  expectState(jobs.train, "PENDING", "requeued");
  EXPECT_EQ(SlurmCluster::jobField(jobs.train, "Restarts"), "1");
  EXPECT_EQ(SlurmCluster::jobField(jobs.evaluate, "JobState"), "PENDING");
  EXPECT_EQ(events("requeued", "stop").size(), 1U) << output("requeued");
  startNow(jobs.train);
  expectState(jobs.evaluate, "COMPLETED", "requeued");
  expectUndisturbedBits("requeued");
  EXPECT_EQ(scores("requeued").size(), 1U);
}

TEST_F(Slurm, AKilledWorkerIsNamedAndTheJobStartedAgain) {
  if (!SlurmCluster::srunIsChosen())
    GTEST_SKIP() << "OpenMPI here isn't 4: its ranks aren't started by srun";
  const Submitted jobs = submit(site("launcher=srun\nrestarts=1\n"), "killed", longRun());
  ASSERT_TRUE(hasCheckpoint("killed")) << output("killed");
  ASSERT_EQ(::kill(jobProcesses(folder_ / "killed").worker(2), SIGKILL), 0) << output("killed");
  expectState(jobs.evaluate, "COMPLETED", "killed");
  const std::vector<Json> lost = events("killed", "lost");
  ASSERT_EQ(lost.size(), 1U) << output("killed");
  EXPECT_EQ(lost[0].at("rank"), 2);
  EXPECT_NE(
      lost[0].at("text").get<std::string>().find(" was ended by signal 9 (Killed), last heard"),
      std::string::npos)
      << lost[0];
  EXPECT_NE(output("killed").find("restart 1 of 1: the job ended with exit code 137"),
            std::string::npos)
      << output("killed");
  expectUndisturbedBits("killed");
}

// Slurm's own clock: the shortest time limit there is, a minute, is over before the training is.
// (Slurm may ask for a stop up to a minute earlier than it was told to.)
TEST_F(Slurm, NightlyTheTimeLimitLosesNothing) {
  const std::vector<std::string> settings = {"--set", "solver.steps=12000", "--set",
                                             "checkpoint.every_steps=3000"};
  const Submitted jobs = submit(site("time_limit=1\ncheckpoint_ahead=20\n"), "limited", settings);
  std::string state;
  do {
    startNow(jobs.train);
    const auto left = [&] {
      state = SlurmCluster::jobField(jobs.train, "JobState");
      return state != "RUNNING" && state != "COMPLETING";
    };
    ASSERT_TRUE(waitUntil(left)) << output("limited");
  } while (state == "PENDING");
  EXPECT_EQ(state, "COMPLETED") << output("limited");
  EXPECT_NE(SlurmCluster::jobField(jobs.train, "Restarts"), "0");
  expectState(jobs.evaluate, "COMPLETED", "limited");
  const Finished here = runCommand(trainLine("unlimited", 2, settings), 300);
  ASSERT_EQ(here.code, 0) << here.output;
  EXPECT_TRUE(parameters("limited", 12000) == parameters("unlimited", 12000));
}

TEST_F(Slurm, RequeuesAreCountedAndEnd) {
  const Submitted jobs =
      submit(site("requeues=0\n"), "counted",
             {"--set", "solver.steps=1000000", "--set", "checkpoint.every_steps=50"});
  ASSERT_TRUE(hasCheckpoint("counted")) << output("counted");
  runCommand({"scancel", "--batch", "--signal=USR1", jobs.train});
  expectState(jobs.train, "FAILED", "counted");
  EXPECT_EQ(SlurmCluster::jobField(jobs.train, "ExitCode"), "85:0");
  expectState(jobs.evaluate, "CANCELLED", "counted");
  EXPECT_NE(output("counted").find("submit again to go on"), std::string::npos)
      << output("counted");
}

TEST_F(Slurm, ACancelledJobGoesOnWhenItIsSubmittedAgain) {
  const Submitted jobs = submit(site("launcher=mpirun\n"), "cancelled", longRun());
  ASSERT_TRUE(hasCheckpoint("cancelled")) << output("cancelled");
  runCommand({"scancel", jobs.train});
  expectState(jobs.train, "CANCELLED", "cancelled");
  expectState(jobs.evaluate, "CANCELLED", "cancelled");
  EXPECT_TRUE(waitUntil([] { return jobProcesses(folder_ / "cancelled").coordinator == 0; }));
  ASSERT_LT(listCheckpoints(folder_ / "cancelled").back(),
            checkpointFolder(folder_ / "cancelled", kLongSteps));

  const Submitted again = submit(site("launcher=mpirun\n"), "cancelled", longRun());
  expectState(again.evaluate, "COMPLETED", "cancelled");
  EXPECT_NE(output("cancelled").find("is there already"), std::string::npos) << output("cancelled");
  expectUndisturbedBits("cancelled");
}

TEST_F(Slurm, AFailedPackKeepsTheOthersFromRunning) {
  const fs::path faces = folder_ / "bad-faces";
  fs::copy(folder_ / "faces", faces, fs::copy_options::recursive);
  writeFileAtomically(faces / "id3" / "broken.png", "no picture");
  const Submitted jobs = submit(
      site(concat("faces=", faces.string(), "\ndataset=", (folder_ / "none.lmdb").string(), "\n")),
      "unpacked");
  expectState(jobs.pack, "FAILED", "unpacked");
  expectState(jobs.train, "CANCELLED", "unpacked");
  expectState(jobs.evaluate, "CANCELLED", "unpacked");
  EXPECT_NE(output("unpacked").find("broken.png"), std::string::npos) << output("unpacked");
  EXPECT_FALSE(fs::exists(folder_ / "unpacked" / "events.jsonl"));
}

TEST_F(Slurm, EverySeedHasARunAndTheNodesShareACopyOfTheData) {
  const fs::path scratch = folder_ / "scratch";
  const Submitted jobs = submit(site(concat("launcher=mpirun\nscratch=", scratch.string(), "\n")),
                                "seeds", {"--seeds", "3,7"});
  for (const std::string seed : {"3", "7"})
    expectState(jobs.evaluate + "_" + seed, "COMPLETED", "seeds");
  const std::string three = parameters("seeds/seed-3", 12);
  EXPECT_TRUE(three != parameters("seeds/seed-7", 12));
  const Finished here =
      runCommand(trainLine("seed-here", 2, {"--set", "data.seed=3", "--set", "network.seed=3"}));
  ASSERT_EQ(here.code, 0) << here.output;
  EXPECT_TRUE(three == parameters("seed-here", 12));
  EXPECT_EQ(scores("seeds/seed-7").size(), 1U);

  const std::string said = output("seeds");
  const size_t copied = said.find(" copied to ");
  ASSERT_NE(copied, std::string::npos) << said;
  EXPECT_EQ(said.find(" copied to ", copied + 1), std::string::npos) << said;
  EXPECT_NE(readFile(folder_ / "seeds" / "seed-3" / "config.textproto").find(scratch.string()),
            std::string::npos);
}

TEST_F(Job, DataThatDontFitIntoTheNodesDiskAreReadWhereTheyAre) {
  const fs::path scratch = folder_ / "small";
  const SmallDisk disk(scratch, "16k");
  if (!disk.mounted()) GTEST_SKIP() << disk.problem();
  const Finished staged =
      runCommand({concat(SPHEREFACE_SCRIPTS, "/slurm/stage.sh"), (folder_ / "lmdb").string(),
                  (scratch / "copy").string(), program("sphereface")});
  EXPECT_EQ(staged.code, 0) << staged.output;
  EXPECT_NE(staged.output.find("don't fit"), std::string::npos) << staged.output;
  EXPECT_EQ(fs::read_symlink(scratch / "copy"), folder_ / "lmdb");
  EXPECT_FALSE(fs::exists(scratch / "copy.part"));
}

TEST_F(Slurm, WrongSettingsAreRefusedBeforeAnythingIsSubmitted) {
  const auto refuse = [](const std::string& more, const std::string& words) {
    const Finished done = runCommand(submitLine(site(more), "refused"));
    EXPECT_EQ(done.code, 2) << done.output;
    EXPECT_NE(done.output.find(words), std::string::npos) << done.output;
  };
  refuse("programs=/nowhere\n", "programs=/nowhere has no sphereface");
  refuse("faces=/nowhere\n", "faces=/nowhere is no folder");
  refuse("faces=\ndataset=/nowhere\n", "dataset=/nowhere isn't there");
  refuse("workers_per_node=8\ngpus_per_node=4\n", "workers_per_node=8 is more than");
  const Finished unknown = runCommand(submitLine(site(), "refused", {"--seed", "1"}));
  EXPECT_EQ(unknown.code, 2) << unknown.output;
  EXPECT_NE(unknown.output.find("--seed is no option"), std::string::npos) << unknown.output;
  EXPECT_EQ(runCommand({"squeue", "--noheader"}).output, "");
  EXPECT_FALSE(fs::exists(folder_ / "refused"));
}

}  // namespace
}  // namespace sphereface::testing
