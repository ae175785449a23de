// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/job_processes.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

struct Candidate {
  pid_t pid = 0;
  pid_t parent = 0;
  std::string line;  // words with a NUL after each

  bool runs(const std::string& program) const {
    return line.substr(0, line.find('\0')).ends_with(program);
  }
};

std::vector<Candidate> allProcesses() {
  std::vector<Candidate> found;
  std::error_code gone;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", gone)) {
    const std::string name = entry.path().filename().string();
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      continue;
    }
    Candidate candidate;
    candidate.pid = static_cast<pid_t>(std::stol(name));
    std::ifstream line(entry.path() / "cmdline");
    candidate.line.assign(std::istreambuf_iterator<char>(line), {});
    std::ifstream status(entry.path() / "status");
    for (std::string field; std::getline(status, field);) {
      if (field.starts_with("PPid:"))
        candidate.parent = static_cast<pid_t>(std::stol(field.substr(5)));
    }
    found.push_back(std::move(candidate));
  }
  std::ranges::sort(found, {}, &Candidate::pid);
  return found;
}

}  // namespace

JobProcesses jobProcesses(const fs::path& run) {
  JobProcesses job;
  const std::vector<Candidate> all = allProcesses();
  for (const Candidate& candidate : all) {
    if (candidate.runs("sphereface-coordinator") &&
        candidate.line.find(run.string() + '\0') != std::string::npos) {
      job.coordinator = candidate.pid;
      job.mpirun = candidate.parent;
    }
  }
  if (job.coordinator == 0) return job;
  for (const Candidate& candidate : all) {
    if (candidate.parent == job.mpirun && candidate.runs("sphereface-worker"))
      job.workers.push_back(candidate.pid);
  }
  return job;
}

}  // namespace sphereface::testing
