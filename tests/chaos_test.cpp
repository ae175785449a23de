// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A job under `sphereface train --restarts` is disturbed again and again, at places and in ways
// that follow from a seed. In the end its parameters have the bits of the run that nothing happened
// to, every step's images were trained on once, and every checkpoint it ever committed is whole.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "model/checkpoint.h"
#include "model/checkpoint_check.h"
#include "tests/job_processes.h"
#include "tests/job_support.h"
#include "tests/small_disk.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Job;
using testing::Process;

enum class Disturbance {
  kKillWorker,
  kKillCoordinator,
  kKillMpirun,
  kKillLauncher,
  kStopWorker,
  kPauseCoordinator,
  kAskToStop,
  kFillDisk,  // last: only where a small file system may be mounted
};
constexpr int kDisturbances = 8;
const char* const kNames[kDisturbances] = {
    "kill a worker", "kill the coordinator",  "kill mpirun",    "kill the launcher",
    "stop a worker", "pause the coordinator", "ask it to stop", "fill the disk"};

class Chaos : public Job {
 protected:
  static std::vector<std::string> line(const std::string& run, uint64_t steps) {
    return trainLine(
        run, 2,
        {"--resume", "auto", "--restarts", "5", "--set", concat("solver.steps=", steps), "--set",
         "head.gradient=EXACT", "--set", "checkpoint.every_steps=50", "--set", "checkpoint.keep=0",
         "--set", "coordinator.liveness_seconds=2"});
  }

  void disturb(uint64_t seed, int times, uint64_t steps);

 private:
  /// Waits for the step, starting the job anew whenever it has ended. False when it doesn't come.
  bool reach(uint64_t step);
  void apply(Disturbance disturbance, int worker);
  void fillDisk() const;
  uint64_t stepReached() const;

  fs::path run_;
  std::vector<std::string> line_;
  std::unique_ptr<Process> job_;
};

uint64_t Chaos::stepReached() const {
  uint64_t step = 0;
  std::ifstream lines(run_ / "metrics.jsonl");
  for (std::string text; std::getline(lines, text);) {
    const Json entry = Json::parse(text, nullptr, false);
    if (!entry.is_discarded()) step = entry.value("step", uint64_t{0});
  }
  return step;
}

bool Chaos::reach(uint64_t step) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (stepReached() < step) {
    if (std::chrono::steady_clock::now() > end) return false;
    if (job_->wait(0.02) >= 0) job_ = std::make_unique<Process>(line_);
  }
  return true;
}

void Chaos::fillDisk() const {
  const fs::path ballast = run_ / "ballast";
  {
    std::ofstream file(ballast, std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())) && file.flush()) {
    }
  }
  // It meets the full disk, and ends or is started again.
  const std::string before = job_->output();
  for (int i = 0; i < 500 && job_->output().find("restart ", before.size()) == std::string::npos;
       ++i) {
    if (job_->wait(0.02) >= 0) break;
  }
  fs::remove(ballast);
}

void Chaos::apply(Disturbance disturbance, int worker) {
  const testing::JobProcesses processes = testing::jobProcesses(run_);
  auto send = [](pid_t to, int number) {
    if (to > 0) ::kill(to, number);
  };
  switch (disturbance) {
    case Disturbance::kKillWorker:
      return send(processes.worker(worker), SIGKILL);
    case Disturbance::kKillCoordinator:
      return send(processes.coordinator, SIGKILL);
    case Disturbance::kKillMpirun:
      return send(processes.mpirun, SIGKILL);
    case Disturbance::kKillLauncher:
      return job_->signal(SIGKILL);
    case Disturbance::kStopWorker:
      return send(processes.worker(worker), SIGSTOP);
    case Disturbance::kPauseCoordinator:
      send(processes.coordinator, SIGSTOP);
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      return send(processes.coordinator, SIGCONT);
    case Disturbance::kAskToStop:
      return job_->signal(SIGTERM);
    case Disturbance::kFillDisk:
      return fillDisk();
  }
}

void Chaos::disturb(uint64_t seed, int times, uint64_t steps) {
  const testing::Finished undisturbed = testing::runCommand(line("undisturbed", steps), 300);
  ASSERT_EQ(undisturbed.code, 0) << undisturbed.output;

  run_ = folder_ / "disturbed";
  line_ = line("disturbed", steps);
  const testing::SmallDisk disk(run_, "256m");
  if (!disk.mounted()) std::printf("the disk is never full: %s\n", disk.problem().c_str());
  job_ = std::make_unique<Process>(line_);
  Random random(seed);
  for (int i = 0; i < times; ++i) {
    ASSERT_TRUE(reach(steps * static_cast<uint64_t>(i + 1) / static_cast<uint64_t>(times + 2)))
        << job_->output();
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(100)));
    const auto kind = random.below(disk.mounted() ? kDisturbances : kDisturbances - 1);
    const int worker = 1 + static_cast<int>(random.below(2));
    std::printf("%d of %d, after step %llu: %s\n", i + 1, times,
                static_cast<unsigned long long>(stepReached()), kNames[kind]);
    std::fflush(stdout);
    apply(static_cast<Disturbance>(kind), worker);
  }
  ASSERT_TRUE(reach(steps)) << job_->output();
  EXPECT_EQ(job_->wait(60), 0) << job_->output();

  EXPECT_TRUE(parameters("disturbed", steps) == parameters("undisturbed", steps));
  EXPECT_TRUE(momentum("disturbed", steps) == momentum("undisturbed", steps));
  EXPECT_TRUE(readFile(run_ / "records.tsv") == readFile(folder_ / "undisturbed" / "records.tsv"))
      << "images were lost or trained on twice";
  const std::vector<fs::path> checkpoints = listCheckpoints(run_);
  EXPECT_EQ(checkpoints.front(), checkpointFolder(run_, 50));
  for (const fs::path& checkpoint : checkpoints)
    verifyCheckpoint(checkpoint, readCheckpointManifest(checkpoint));
}

TEST_F(Chaos, ShortDisturbancesLeaveNoTrace) {
  disturb(1, 5, 3000);
}

TEST_F(Chaos, NightlyDisturbancesLeaveNoTrace) {
  const char* seed = std::getenv("SPHEREFACE_CHAOS_SEED");
  disturb(seed != nullptr ? std::strtoull(seed, nullptr, 10) : 2, 40, 16000);
}

}  // namespace
}  // namespace sphereface
