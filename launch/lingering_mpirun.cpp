// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/lingering_mpirun.h"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// Each of its threads has children of its own.
std::vector<pid_t> childrenOf(pid_t process) {
  std::vector<pid_t> children;
  std::error_code gone;
  for (const fs::directory_entry& thread :
       fs::directory_iterator(concat("/proc/", process, "/task"), gone)) {
    std::ifstream file(thread.path() / "children");
    for (pid_t child = 0; file >> child;)
      children.push_back(child);
  }
  return children;
}

bool isCoordinator(pid_t process) {
  std::ifstream file(concat("/proc/", process, "/cmdline"));
  std::string program;
  std::getline(file, program, '\0');
  return program.ends_with("sphereface-coordinator");
}

}  // namespace

bool LingeringMpirun::waitsInVain(pid_t mpirun, Clock::time_point now) {
  const std::vector<pid_t> children = childrenOf(mpirun);
  if (std::any_of(children.begin(), children.end(), isCoordinator)) {
    begun_ = true;
    seen_ = now;
  }
  return begun_ && now - seen_ > kAllowed;
}

void endMpirun(pid_t mpirun) {
  const std::vector<pid_t> children = childrenOf(mpirun);
  ::kill(mpirun, SIGKILL);
  for (const pid_t child : children)
    ::kill(child, SIGTERM);
}

}  // namespace sphereface
