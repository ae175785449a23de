// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Going from one stack to another and back.

#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_host {

#ifdef __SANITIZE_ADDRESS__

/// Where a stack was left. The address sanitizer doesn't follow jumps between stacks, only changes
/// of context that it is told of.
struct Place {
  ucontext_t context = {};
  const void* bottom = nullptr;
  size_t bytes = 0;
  void* kept = nullptr;  // the sanitizer's
};

inline void arrive(Place& at, Place& from) {
  __sanitizer_finish_switch_fiber(at.kept, &from.bottom, &from.bytes);
}

/// Goes on at `to`, until somebody goes on here.
inline void leave(Place& here, Place& to) {
  __sanitizer_start_switch_fiber(&here.kept, to.bottom, to.bytes);
  swapcontext(&here.context, &to.context);
  arrive(here, to);
}

/// Makes the place at the begin of `main` on a stack of its own; who first goes there is told so by
/// arrive(place, ...) in main, which must not return.
inline void prepare(Place& place, char* stack, size_t bytes, void (*main)()) {
  getcontext(&place.context);
  place.context.uc_stack.ss_sp = stack;
  place.context.uc_stack.ss_size = bytes;
  makecontext(&place.context, main, 0);
  place.bottom = stack;
  place.bytes = bytes;
}

#else

/// Where a stack was left. Jumps, unlike changes of context, make no system call.
struct Place {
  jmp_buf jump = {};
  ucontext_t begin = {};
  bool begun = false;
};

inline void arrive(Place&, Place&) {}

/// Goes on at `to`, until somebody goes on here.
inline void leave(Place& here, Place& to) {
  here.begun = true;
  if (_setjmp(here.jump) != 0) return;
  if (to.begun) _longjmp(to.jump, 1);
  setcontext(&to.begin);
}

/// Makes the place at the begin of `main` on a stack of its own; main must not return.
inline void prepare(Place& place, char* stack, size_t bytes, void (*main)()) {
  getcontext(&place.begin);
  place.begin.uc_stack.ss_sp = stack;
  place.begin.uc_stack.ss_size = bytes;
  makecontext(&place.begin, main, 0);
}

#endif

}  // namespace cuda_host
