// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Other programs, run and waited for.

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sphereface {

/// A program and its arguments; without a slash it is looked for on the PATH.
using CommandLine = std::vector<std::string>;

/// Variables set for a program besides those of this process.
using Environment = std::vector<std::pair<std::string, std::string>>;

/// As one types it into a shell.
std::string shellText(const CommandLine& line);

/// A program of this build: the executables lie beside each other.
/// errors: Error when it is missing.
std::filesystem::path siblingProgram(const std::string& name);

/// Exit code for a program that can't be run, as a shell has it.
constexpr int kNoSuchProgram = 127;

/// Runs `line` in a process group of its own, nothing on its stdin, and passes on what it prints to
/// this process's stdout and stderr, for as long as somebody reads them. Returns its exit code,
/// 128 + signal if one ended it, 127 when it can't be run. It gets a SIGTERM when this process ends
/// before it. `look`, if any, is called with its process id ten times a second meanwhile. `errors`,
/// if any, is shown what it writes to stderr. Whoever outlives the readers of its stdout calls
/// outliveReaders() first. errors: Error when no process can be made.
int runProgram(const CommandLine& line, const Environment& environment = {},
               const std::function<void(pid_t)>& look = {},
               const std::function<void(std::string_view)>& errors = {});

struct ProgramOutput {
  int code = 0;            // as runProgram's
  bool timed_out = false;  // and was ended, by SIGTERM or, when that didn't help, SIGKILL
  std::string out;
  std::string errors;  // what went to stderr
};

/// Runs `line` for at most so many seconds, nothing on its stdin, and keeps what it prints.
ProgramOutput captureProgram(const CommandLine& line, const Environment& environment,
                             double seconds);

/// A program beside this one, which is ended with it.
class BackgroundProgram {
 public:
  /// Runs `line` with lower priority, nothing on its stdin; what it prints goes to the file `log`.
  BackgroundProgram(const CommandLine& line, const std::filesystem::path& log);
  BackgroundProgram(const BackgroundProgram&) = delete;
  BackgroundProgram& operator=(const BackgroundProgram&) = delete;
  /// Ends it, by SIGTERM or, when that doesn't help, SIGKILL.
  ~BackgroundProgram();

  /// Its exit code, as runProgram's, once it has ended.
  std::optional<int> code();

 private:
  pid_t child_ = 0;
  std::optional<int> code_;
};

}  // namespace sphereface
