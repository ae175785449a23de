// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <sched.h>

#include <algorithm>
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

/// Logical processors this process may run on (its affinity: what taskset or a batch system left
/// it), at least 1.
inline size_t availableThreads() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return static_cast<size_t>(CPU_COUNT(&allowed));
  }
  // More processors than a cpu_set_t has room for.
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace sphereface
