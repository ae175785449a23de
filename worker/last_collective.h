// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "base/error.h"

namespace sphereface {

/// The newest operation among ranks that this process has begun, so that it can be told when this
/// process no longer can. Thread-safe.
class LastCollective {
 public:
  /// `operation` and `phase` must stay in place: names in the code.
  void begin(const char* operation, uint64_t number, const char* phase) {
    const std::lock_guard lock(mutex_);
    operation_ = operation;
    number_ = number;
    phase_ = phase;
  }

  /// "all-reduce 1841, collecting"; empty: there was none yet.
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return operation_ == nullptr ? "" : concat(operation_, " ", number_, ", ", phase_);
  }

 private:
  mutable std::mutex mutex_;
  const char* operation_ = nullptr;
  uint64_t number_ = 0;
  const char* phase_ = nullptr;
};

}  // namespace sphereface
