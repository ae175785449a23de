// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The project's exceptions. A message names the thing that is wrong (file, record, rank, field),
// both values where two disagree, and what to do when that isn't obvious. Nothing below main()
// calls exit: main turns an Error into one line on stderr and an exit code.

#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace sphereface {

enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,
  kExitUsage = 2,  // wrong command line or configuration
  // A job stopped as it was asked to, after committing a checkpoint to continue from.
  kExitStopped = 85,
};

/// Something went wrong while doing what was asked (exit code 1).
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What was asked makes no sense: wrong flag, unknown field, impossible value (exit code 2).
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Joins its arguments as operator<< prints them: concat("step ", 3, " of ", 10).
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace sphereface
