// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace sphereface {

/// Calls work(i) once for each i in [0, count), from `threads` threads, in no fixed order.
/// ensures: returns when all calls have ended; the first exception is rethrown after the calls
/// already running have ended, and no new ones are started.
template <class Work>
void parallelFor(size_t count, size_t threads, Work work) {
  std::atomic<size_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  auto run = [&] {
    for (size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> pool;
    for (size_t t = 1; t < threads && t < count; ++t)
      pool.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

/// Cores this process may use, at least 1.
inline size_t availableThreads() {
  const unsigned cores = std::thread::hardware_concurrency();
  return cores == 0 ? 1 : cores;
}

}  // namespace sphereface
