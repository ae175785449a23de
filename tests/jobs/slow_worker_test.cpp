// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A real job, one of whose workers has to share its core with other processes for a while.

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/job_processes.h"
#include "tests/support/job_support.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Job;
using testing::Process;

// Each gets at least as much of the core as the worker. So many that what else a machine does on
// its other cores meanwhile slows the other worker much less. Being sessions of their own, as the
// job is, they take nothing from the job's share of other cores where the kernel shares by session
// (sched_autogroup).
constexpr int kBusy = 8;

/// The cores this process may use.
std::vector<int> availableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof(set), &set);
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

/// All threads of the process run on these cores from now on.
void moveTo(const std::vector<int>& cores, pid_t process) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores)
    CPU_SET(core, &set);
  for (const fs::directory_entry& thread :
       fs::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    const auto id = static_cast<pid_t>(std::stol(thread.path().filename().string()));
    ::sched_setaffinity(id, sizeof(set), &set);
  }
}

class SlowWorker : public Job {};

TEST_F(SlowWorker, IsNamedUntilItKeepsUpAgain) {
  const std::vector<int> all = availableCores();
  if (all.size() < 2) GTEST_SKIP() << "two workers need two cores";
  const int crowded = all.back();
  const std::vector<int> others(all.begin(), all.end() - 1);
  // Steps long beside a turn of the scheduler, which lets who slept before go first.
  Process job(trainLine("slow", 2,
                        {"--set", "solver.steps=1000000", "--set", "solver.batch_size=1024",
                         "--set", "checkpoint.initial=true"}));
  ASSERT_TRUE(hasCheckpoint("slow")) << job.output();
  const testing::JobProcesses processes = testing::jobProcesses(folder_ / "slow");
  moveTo(others, processes.worker(1));
  moveTo({crowded}, processes.worker(2));
  /// By the newest event of it.
  auto is_slow = [] {
    const std::vector<Json> told = events("slow", "straggler");
    const auto newest = std::find_if(told.rbegin(), told.rend(),
                                     [](const Json& one) { return one.at("rank") == 2; });
    return newest != told.rend() && newest->at("slow") == true;
  };
  {
    std::array<std::unique_ptr<Process>, kBusy> busy;
    for (std::unique_ptr<Process>& one : busy) {
      one = std::make_unique<Process>(std::vector<std::string>{
          "taskset", "--cpu-list", std::to_string(crowded), "sh", "-c", "while :; do :; done"});
    }
    EXPECT_TRUE(waitUntil(is_slow)) << job.output();
  }
  moveTo(all, processes.worker(1));
  moveTo(all, processes.worker(2));
  EXPECT_TRUE(waitUntil([&] { return !is_slow(); })) << job.output();
}

}  // namespace
}  // namespace sphereface
