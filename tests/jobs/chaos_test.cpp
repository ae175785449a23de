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
#include "tests/support/job_processes.h"
#include "tests/support/job_support.h"
#include "tests/support/network_namespaces.h"
#include "tests/support/small_disk.h"

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
  kFillDisk,  // only where a small file system may be mounted
  kCutLink,   // only over hosts
};
constexpr int kDisturbances = 9;
const char* const kNames[kDisturbances] = {
    "kill a worker",     "kill the coordinator", "kill mpirun",
    "kill the launcher", "stop a worker",        "pause the coordinator",
    "ask it to stop",    "fill the disk",        "cut a link"};

class Chaos : public Job {
 protected:
  static std::vector<std::string> options(uint64_t steps) {
    return {"--resume",   "auto",
            "--restarts", "5",
            "--set",      concat("solver.steps=", steps),
            "--set",      "head.gradient=EXACT",
            "--set",      "checkpoint.every_steps=50",
            "--set",      "checkpoint.keep=0",
            "--set",      "coordinator.liveness_seconds=2",
            "--set",      "worker.collective_timeout=4"};
  }

  /// From now on jobs run over two hosts, where that can be.
  void useHosts();
  void disturb(uint64_t seed, int times, uint64_t steps);

 private:
  /// Waits for the step, starting the job anew whenever it has ended. False when it doesn't come.
  bool reach(uint64_t step);
  void apply(Disturbance disturbance, Random& random);
  void fillDisk() const;
  uint64_t stepReached() const;

  std::unique_ptr<testing::NetworkNamespaces> hosts_;
  fs::path run_;
  std::vector<std::string> line_;
  std::unique_ptr<Process> job_;
};

uint64_t Chaos::stepReached() const {
  uint64_t step = 0;
  std::ifstream lines(run_ / "metrics.jsonl");
  for (std::string text; std::getline(lines, text);) {
    const Json entry = tryParseJson(text);
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

void Chaos::apply(Disturbance disturbance, Random& random) {
  const int worker = 1 + static_cast<int>(random.below(2));
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
    case Disturbance::kCutLink:
      // Some are waited out, some end the job.
      hosts_->cutLink(2);
      std::this_thread::sleep_for(std::chrono::milliseconds(200 + random.below(5000)));
      return hosts_->mendLink(2);
  }
}

void Chaos::useHosts() {
  const std::string missing = testing::NetworkNamespaces::missing();
  if (!missing.empty()) {
    std::printf("no link is cut: %s\n", missing.c_str());
    return;
  }
  hosts_ = std::make_unique<testing::NetworkNamespaces>(2);
  hosts_->loseHopeSoon(2);
}

void Chaos::disturb(uint64_t seed, int times, uint64_t steps) {
  const testing::Finished undisturbed =
      testing::runCommand(trainLine("undisturbed", 2, options(steps)), 300);
  ASSERT_EQ(undisturbed.code, 0) << undisturbed.output;

  run_ = folder_ / "disturbed";
  line_ = hosts_ ? hostsLine(*hosts_, 2, 1, "disturbed", options(steps))
                 : trainLine("disturbed", 2, options(steps));
  const testing::SmallDisk disk(run_, "256m");
  if (!disk.mounted()) std::printf("the disk is never full: %s\n", disk.problem().c_str());
  job_ = std::make_unique<Process>(line_);
  Random random(seed);
  for (int i = 0; i < times; ++i) {
    ASSERT_TRUE(reach(steps * static_cast<uint64_t>(i + 1) / static_cast<uint64_t>(times + 2)))
        << job_->output();
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(100)));
    auto kind = static_cast<Disturbance>(random.below(kDisturbances));
    if ((kind == Disturbance::kFillDisk && !disk.mounted()) ||
        (kind == Disturbance::kCutLink && !hosts_)) {
      kind = Disturbance::kKillWorker;
    }
    std::printf("%d of %d, after step %llu: %s\n", i + 1, times,
                static_cast<unsigned long long>(stepReached()), kNames[static_cast<int>(kind)]);
    std::fflush(stdout);
    apply(kind, random);
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
  disturb(1, 4, 1200);
}

TEST_F(Chaos, NightlyDisturbancesLeaveNoTrace) {
  useHosts();
  const char* seed = std::getenv("SPHEREFACE_CHAOS_SEED");
  disturb(seed != nullptr ? std::strtoull(seed, nullptr, 10) : 2, 40, 8000);
}

}  // namespace
}  // namespace sphereface
