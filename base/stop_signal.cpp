// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/stop_signal.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <initializer_list>

namespace sphereface {
namespace {

// A closed terminal, a shell and `timeout` say the same thing twice.
constexpr int64_t kSameRequest = 1000;  // milliseconds

std::atomic<int> newest{0};
std::atomic<int64_t> first_time{0};
std::atomic<bool> again{false};
std::atomic<bool> suspend{false};
std::atomic<int> interruptible{0};  // pieces of work
std::atomic<int> interrupt{0};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<int64_t>::is_always_lock_free,
              "set in a signal handler");

void remember(int signal) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t milliseconds = 1000 * static_cast<int64_t>(now.tv_sec) + now.tv_nsec / 1000000 + 1;
  newest = signal;
  int64_t first = 0;
  if (first_time.compare_exchange_strong(first, milliseconds)) return;
  if (signal != SIGUSR1 && milliseconds - first > kSameRequest) again = true;
}

void rememberSuspend(int /*signal*/) {
  suspend = true;
}

void interruptOrEnd(int signal) {
  int none = 0;
  if (interruptible > 0 && interrupt.compare_exchange_strong(none, signal)) return;
  constexpr const char* kText =
      "\nsphereface: ended by a signal; what wasn't finished has not been put in place\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kText, ::strlen(kText));
  ::_exit(128 + signal);
}

/// Where the one who started this process hasn't asked it to ignore it, as nohup does.
void catchUnlessIgnored(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void catchStopSignals() {
  struct sigaction action = {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGUSR1})
    ::sigaction(signal, &action, nullptr);
  for (const int signal : {SIGINT, SIGHUP})
    catchUnlessIgnored(signal, remember);
}

bool stopRequested() {
  return newest != 0;
}

bool stopNowRequested() {
  return again;
}

int stopSignal() {
  return newest;
}

std::string signalName(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? concat("signal ", signal) : concat("SIG", name);
}

void catchSuspend() {
  catchUnlessIgnored(SIGTSTP, rememberSuspend);
}

bool takeSuspendRequest() {
  return suspend.exchange(false);
}

void outliveReaders() {
  ::signal(SIGPIPE, SIG_IGN);
}

void answerInterrupts() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    catchUnlessIgnored(signal, interruptOrEnd);
}

InterruptibleWork::InterruptibleWork() {
  ++interruptible;
}

InterruptibleWork::~InterruptibleWork() {
  --interruptible;
}

int InterruptibleWork::interrupted() {
  return interrupt;
}

}  // namespace sphereface
