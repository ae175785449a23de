// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A file that is mapped into memory can be shorter, by the time it is read, than it was when it was
// mapped; and one that is damaged can lead its reader anywhere. The system's answers are SIGBUS and
// SIGSEGV, which would end the process without a word about the file.

#pragma once

#include <csetjmp>

namespace sphereface {

/// Where this thread goes on when a fault hits it; null: nowhere.
extern constinit thread_local sigjmp_buf* fault_landing;

/// Makes both signals look for fault_landing, once per process. What handled them before still does
/// without a landing.
void catchFaults();

/// Leaves the survivesFaults() that this thread is in, as a fault would.
[[noreturn]] void leaveAsByFault();

/// Calls `read`. False when a fault ended it.
/// requires: catchFaults() was called; `read` calls C functions and copies memory and no more, as
/// it is left without destructors; none within another.
template <class Read>
bool survivesFaults(const Read& read) {
  sigjmp_buf landing;
  if (sigsetjmp(landing, 0) != 0) {
    fault_landing = nullptr;
    return false;
  }
  fault_landing = &landing;
  read();
  fault_landing = nullptr;
  return true;
}

}  // namespace sphereface
