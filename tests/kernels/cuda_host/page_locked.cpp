// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <map>

#include "tests/kernels/cuda_host/cuda_runtime.h"

namespace cuda_host {

int recordings = 0;

namespace {

/// Bytes by begin.
std::map<uintptr_t, size_t> page_locked;

}  // namespace

bool isPageLocked(const void* memory) {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  const auto after = page_locked.upper_bound(address);
  if (after == page_locked.begin()) return false;
  const auto& [begin, bytes] = *std::prev(after);
  return address < begin + bytes;
}

void setPageLocked(const void* memory, size_t bytes) {
  page_locked[reinterpret_cast<uintptr_t>(memory)] = bytes;
}

void forgetPageLocked(const void* memory) {
  page_locked.erase(reinterpret_cast<uintptr_t>(memory));
}

}  // namespace cuda_host
