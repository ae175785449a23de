// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/stop_signal.h"

#include <signal.h>

#include <atomic>
#include <initializer_list>

namespace sphereface {
namespace {

std::atomic<int> newest{0};
static_assert(std::atomic<int>::is_always_lock_free, "set in a signal handler");

void remember(int signal) {
  newest = signal;
}

}  // namespace

void catchStopSignals() {
  struct sigaction action = {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGUSR1})
    ::sigaction(signal, &action, nullptr);
}

bool stopRequested() {
  return newest != 0;
}

int stopSignal() {
  return newest;
}

}  // namespace sphereface
