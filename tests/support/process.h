// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Runs the project's programs as a user would.

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace sphereface::testing {

/// A running program in a session of its own, its stdout and stderr in one file.
class Process {
 public:
  explicit Process(const std::vector<std::string>& command);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Kills what is left of its process group.
  ~Process();

  /// Its exit code (128 + signal when one ended it), or -1 when it still runs after `seconds`.
  int wait(double seconds);
  /// Of it and of its process group.
  pid_t id() const { return pid_; }
  /// Sends it a signal, not its children.
  void signal(int number) const;
  /// All it has printed so far.
  std::string output() const;

 private:
  pid_t pid_ = -1;
  int code_ = -1;
  std::filesystem::path log_;
};

struct Finished {
  int code = 0;
  std::string output;
};

/// requires: ends within `seconds`; otherwise code is -1 and it is killed.
Finished runCommand(const std::vector<std::string>& command, double seconds = 120);

/// A program of this build, by name.
std::string program(const std::string& name);

/// The beginning of a command line that starts `ranks` ranks here.
std::vector<std::string> mpirun(int ranks);

}  // namespace sphereface::testing
