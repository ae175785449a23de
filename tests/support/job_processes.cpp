// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/support/job_processes.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The value of NAME among words "NAME=value" with a NUL after each.
std::string valueOf(const std::string& words, const std::string& name) {
  const std::string key = '\0' + name + '=';
  const size_t at = words.find(key);
  if (at == std::string::npos) return "";
  const size_t begin = at + key.size();
  return words.substr(begin, words.find('\0', begin) - begin);
}

struct Rank {
  pid_t pid = 0;
  std::string line;         // words with a NUL after each
  std::string environment;  // the same

  bool runs(const std::string& program) const {
    return line.substr(0, line.find('\0')).ends_with(program);
  }
  std::string job() const { return valueOf(environment, "PMIX_NAMESPACE"); }
  std::string rank() const { return valueOf(environment, "PMIX_RANK"); }
};

/// All processes that MPI started, oldest first.
std::vector<Rank> allRanks() {
  std::vector<Rank> found;
  std::error_code gone;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", gone)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    Rank rank;
    rank.pid = static_cast<pid_t>(std::stol(name));
    rank.line = contents(entry.path() / "cmdline");
    rank.environment = contents(entry.path() / "environ");
    if (!rank.rank().empty()) found.push_back(std::move(rank));
  }
  std::ranges::sort(found, {}, &Rank::pid);
  return found;
}

pid_t parentOf(pid_t pid) {
  std::ifstream status(concat("/proc/", pid, "/status"));
  for (std::string field; std::getline(status, field);) {
    if (field.starts_with("PPid:")) return static_cast<pid_t>(std::stol(field.substr(5)));
  }
  return 0;
}

}  // namespace

JobProcesses jobProcesses(const fs::path& run) {
  JobProcesses job;
  std::string name;
  const std::vector<Rank> all = allRanks();
  for (const Rank& rank : all) {
    if (!rank.runs("sphereface-coordinator") ||
        rank.line.find(run.string() + '\0') == std::string::npos) {
      continue;
    }
    job.coordinator = rank.pid;
    name = rank.job();
  }
  if (job.coordinator == 0) return job;
  job.mpirun = parentOf(job.coordinator);
  for (const Rank& rank : all) {
    if (rank.job() == name && rank.runs("sphereface-worker"))
      job.workers[std::stoi(rank.rank())] = rank.pid;
  }
  return job;
}

}  // namespace sphereface::testing
