// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/survived_fault.h"

#include <signal.h>
#include <ucontext.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr std::array kFaults = {SIGSEGV, SIGBUS};
std::array<struct sigaction, kFaults.size()> former;

void onFault(int signal, siginfo_t* info, void* context) {
  const bool sent = info->si_code <= 0;  // by kill(), not by a read
  if (!sent && fault_landing != nullptr) {
    // A handler that is left by a jump never returns, which is when the signals that it keeps out
    // would be let in again.
    pthread_sigmask(SIG_SETMASK, &static_cast<ucontext_t*>(context)->uc_sigmask, nullptr);
    leaveAsByFault();
  }
  // The instruction is tried again, and its fault taken care of as ever.
  sigaction(signal, &former.at(signal == kFaults[0] ? 0 : 1), nullptr);
  if (sent) raise(signal);
}

}  // namespace

constinit thread_local sigjmp_buf* fault_landing = nullptr;

void leaveAsByFault() {
  siglongjmp(*fault_landing, 1);
}

void catchFaults() {
  static const bool caught = [] {
    struct sigaction action {};
    action.sa_sigaction = onFault;
    action.sa_flags = SA_SIGINFO;
    for (size_t i = 0; i < kFaults.size(); ++i) {
      if (sigaction(kFaults.at(i), &action, &former.at(i)) != 0) {
        throw Error(concat("cannot catch signals: ", std::strerror(errno)));
      }
    }
    return true;
  }();
  static_cast<void>(caught);
}

}  // namespace sphereface
