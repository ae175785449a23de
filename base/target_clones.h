// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One binary for every x86-64: a function marked so is compiled once for each instruction set and
// chosen when the program starts. Elsewhere (other processors, Clang, sanitizers, whose runtime
// isn't up when such choices are made) there is one plain copy.

#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SPHEREFACE_HAS_TARGET_CLONES
/// The instruction sets by GCC's names, "default" among them.
#define SPHEREFACE_TARGET_CLONES_FOR(...) __attribute__((target_clones(__VA_ARGS__)))
#else
#define SPHEREFACE_TARGET_CLONES_FOR(...)
#endif

#define SPHEREFACE_TARGET_CLONES \
  SPHEREFACE_TARGET_CLONES_FOR("arch=x86-64-v4", "arch=x86-64-v3", "default")
