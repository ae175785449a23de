// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What others ask of this process by signals. SIGTERM, SIGUSR1, Ctrl-C (SIGINT) and a closed
// terminal (SIGHUP) ask a job to commit a checkpoint at its next step and end; job schedulers send
// the first two ahead of a time limit.

#pragma once

#include <string>

#include "base/error.h"

namespace sphereface {

/// From now on these signals are remembered instead of ending this process. SIGINT and SIGHUP stay
/// ignored where they were at its start (nohup, a shell's background).
void catchStopSignals();

/// True once one has come.
bool stopRequested();

/// True once another one than SIGUSR1 has come more than a second after the first.
bool stopNowRequested();

/// The number of the newest one; 0: none has come.
int stopSignal();

/// "SIGINT".
std::string signalName(int signal);

/// From now on Ctrl-Z is remembered instead of stopping this process.
void catchSuspend();

/// True once for each Ctrl-Z.
bool takeSuspendRequest();

/// From now on writing to a pipe that nobody reads any more is an error, not this process's end.
void outliveReaders();

// Of programs whose work is not a job's.

/// A piece of work was given up because a signal asked for it.
class Interrupted : public Error {
 public:
  Interrupted(int signal, const std::string& text) : Error(text), signal_(signal) {}
  /// As a shell has it.
  int exitCode() const { return 128 + signal_; }

 private:
  int signal_;
};

/// From now on Ctrl-C, SIGTERM and a closed terminal end this process with a line that says so.
/// While an InterruptibleWork lives the first one is left to it.
void answerInterrupts();

/// Work that looks at interrupted() now and then and, when that isn't 0, throws Interrupted, so
/// that nothing unfinished stays behind.
class InterruptibleWork {
 public:
  InterruptibleWork();
  InterruptibleWork(const InterruptibleWork&) = delete;
  InterruptibleWork& operator=(const InterruptibleWork&) = delete;
  ~InterruptibleWork();

  /// The signal that has come; 0: none.
  static int interrupted();
};

}  // namespace sphereface
