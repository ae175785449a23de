// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>
#include <thread>

namespace sphereface::testing {

/// True once `happened`, tried again for so many seconds.
template <class Happened>
bool waitUntil(const Happened& happened, int seconds = 90) {
  for (int i = 0; i < 50 * seconds; ++i) {
    if (happened()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

}  // namespace sphereface::testing
