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
#include <iterator>
#include <memory>
#include <set>
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

class Chaos : public Job {
 protected:
  /// In milliseconds; those of options() are 4 seconds at most.
  static constexpr int kLongerThanDeadlines = 6000;

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
  /// A way to disturb. False, and nothing has happened: it can't be done here or now.
  struct Kind {
    const char* name;
    bool (Chaos::*happen)();
  };
  static const Kind kKinds[];

  // To its processes.
  bool killWorker() { return send(processes().worker(anyWorker()), SIGKILL); }
  bool killCoordinator() { return send(processes().coordinator, SIGKILL); }
  bool killMpirun() { return send(processes().mpirun, SIGKILL); }
  bool killLauncher() { return send(job_->id(), SIGKILL); }
  bool stopWorker() { return send(processes().worker(anyWorker()), SIGSTOP); }
  bool pauseCoordinator();
  bool pauseAll();
  // What a user or a batch system does.
  bool askToStop() { return send(job_->id(), SIGTERM); }
  bool interrupt() { return send(-job_->id(), SIGINT); }
  bool interruptTwice();
  bool askBeforeAStep();
  bool suspend();
  bool loseReader();
  // What is around it.
  bool fillDisk();
  bool emptyManifest();
  bool loseLocks();
  bool cutLink();

  static bool send(pid_t to, int number) { return to != 0 && ::kill(to, number) == 0; }
  static void pass(int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  }
  testing::JobProcesses processes() const { return testing::jobProcesses(run_); }
  int anyWorker() { return 1 + static_cast<int>(random_.below(2)); }
  /// Waits for the step, starting the job anew whenever it has ended. False when it doesn't come.
  bool reach(uint64_t step);
  /// Asks the job to stop and starts it by another line.
  void startAgain(const std::vector<std::string>& line);
  void askToStopAndWait();
  uint64_t stepReached() const;

  std::unique_ptr<testing::NetworkNamespaces> hosts_;
  std::unique_ptr<testing::SmallDisk> disk_;
  fs::path run_;
  std::vector<std::string> line_;
  std::unique_ptr<Process> job_;
  std::set<fs::path> emptied_;  // checkpoints whose manifest was
  Random random_{0};
};

const Chaos::Kind Chaos::kKinds[] = {
    {"kill a worker", &Chaos::killWorker},
    {"kill the coordinator", &Chaos::killCoordinator},
    {"kill mpirun", &Chaos::killMpirun},
    {"kill the launcher", &Chaos::killLauncher},
    {"stop a worker", &Chaos::stopWorker},
    {"pause the coordinator", &Chaos::pauseCoordinator},
    {"pause all for longer than every deadline", &Chaos::pauseAll},
    {"SIGTERM", &Chaos::askToStop},
    {"SIGINT to its group", &Chaos::interrupt},
    {"SIGINT twice", &Chaos::interruptTwice},
    {"SIGTERM while it starts", &Chaos::askBeforeAStep},
    {"Ctrl-Z, and fg after every deadline", &Chaos::suspend},
    {"its output's reader goes", &Chaos::loseReader},
    {"fill the disk", &Chaos::fillDisk},
    {"empty the newest manifest", &Chaos::emptyManifest},
    {"the file system has no locks", &Chaos::loseLocks},
    {"cut a link", &Chaos::cutLink},
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

void Chaos::askToStopAndWait() {
  job_->signal(SIGTERM);
  EXPECT_GE(job_->wait(60), 0) << job_->output();
}

void Chaos::startAgain(const std::vector<std::string>& line) {
  askToStopAndWait();
  job_ = std::make_unique<Process>(line);
}

bool Chaos::pauseCoordinator() {
  const pid_t coordinator = processes().coordinator;
  if (!send(coordinator, SIGSTOP)) return false;
  pass(500);
  return send(coordinator, SIGCONT);
}

bool Chaos::pauseAll() {
  const testing::JobProcesses now = processes();
  std::vector<pid_t> all = {now.coordinator, now.mpirun, job_->id()};
  for (const auto& [rank, process] : now.workers)
    all.push_back(process);
  for (const pid_t process : all)
    send(process, SIGSTOP);
  pass(kLongerThanDeadlines);
  for (const pid_t process : all)
    send(process, SIGCONT);
  return true;
}

bool Chaos::interruptTwice() {
  if (!interrupt()) return false;
  pass(1200);  // within a second both are one
  interrupt();
  return true;
}

bool Chaos::askBeforeAStep() {
  startAgain(line_);
  pass(static_cast<int>(random_.below(1500)));
  return askToStop();
}

bool Chaos::suspend() {
  if (hosts_) return false;  // refused there
  if (!send(job_->id(), SIGTSTP)) return false;
  pass(kLongerThanDeadlines);
  return send(job_->id(), SIGCONT);
}

bool Chaos::loseReader() {
  std::vector<std::string> line = {"bash", "-c", "exec \"$@\" > >(head -1) 2>&1", "bash"};
  line.insert(line.end(), line_.begin(), line_.end());
  startAgain(line);
  return true;
}

bool Chaos::fillDisk() {
  if (!disk_->mounted()) return false;
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
  return true;
}

/// As a power cut leaves it.
bool Chaos::emptyManifest() {
  askToStopAndWait();
  const std::vector<fs::path> checkpoints = listCheckpoints(run_);
  if (checkpoints.size() < 2 || emptied_.count(checkpoints[checkpoints.size() - 2]) > 0) {
    return false;
  }
  fs::resize_file(checkpoints.back() / "manifest.textproto", 0);
  emptied_.insert(checkpoints.back());
  return true;
}

bool Chaos::loseLocks() {
  std::vector<std::string> line = {
      "env", concat("LD_PRELOAD=", testing::program("libpoor_file_system.so")),
      concat("NO_LOCKS_UNDER=", run_.parent_path().string())};
  line.insert(line.end(), line_.begin(), line_.end());
  startAgain(line);
  return true;
}

/// Some cuts are waited out, some end the job.
bool Chaos::cutLink() {
  if (!hosts_) return false;
  hosts_->cutLink(2);
  pass(static_cast<int>(200 + random_.below(5000)));
  hosts_->mendLink(2);
  return true;
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
  disk_ = std::make_unique<testing::SmallDisk>(run_, "256m");
  if (!disk_->mounted()) std::printf("the disk is never full: %s\n", disk_->problem().c_str());
  job_ = std::make_unique<Process>(line_);
  random_ = Random(seed);
  for (int i = 0; i < times; ++i) {
    ASSERT_TRUE(reach(steps * static_cast<uint64_t>(i + 1) / static_cast<uint64_t>(times + 2)))
        << job_->output();
    pass(static_cast<int>(random_.below(100)));
    const auto step = static_cast<unsigned long long>(stepReached());
    const Kind* kind = nullptr;
    do {
      kind = &kKinds[random_.below(std::size(kKinds))];
    } while (!(this->*kind->happen)());
    std::printf("%d of %d, after step %llu: %s\n", i + 1, times, step, kind->name);
    std::fflush(stdout);
  }
  ASSERT_TRUE(reach(steps)) << job_->output();
  EXPECT_EQ(job_->wait(60), 0) << job_->output();

  EXPECT_TRUE(parameters("disturbed", steps) == parameters("undisturbed", steps));
  EXPECT_TRUE(momentum("disturbed", steps) == momentum("undisturbed", steps));
  EXPECT_TRUE(readFile(run_ / "records.tsv") == readFile(folder_ / "undisturbed" / "records.tsv"))
      << "images were lost or trained on twice";
  const std::vector<fs::path> checkpoints = listCheckpoints(run_);
  EXPECT_EQ(checkpoints.front(), checkpointFolder(run_, 50));
  for (const fs::path& checkpoint : checkpoints) {
    if (emptied_.count(checkpoint) > 0 && fs::is_empty(checkpoint / "manifest.textproto")) continue;
    verifyCheckpoint(checkpoint, readCheckpointManifest(checkpoint));
  }
}

TEST_F(Chaos, ShortDisturbancesLeaveNoTrace) {
  disturb(1, 4, 1200);
}

uint64_t chaosSeed() {
  const char* seed = std::getenv("SPHEREFACE_CHAOS_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 2;
}

TEST_F(Chaos, NightlyDisturbancesLeaveNoTrace) {
  disturb(chaosSeed(), 60, 12000);
}

TEST_F(Chaos, NightlyDisturbancesOverHostsLeaveNoTrace) {
  useHosts();
  disturb(chaosSeed(), 30, 6000);
}

}  // namespace
}  // namespace sphereface
