// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <chrono>
#include <filesystem>

namespace sphereface {

/// Held by the job that writes a run folder, so that a second one, or what is left of a first one
/// whose launcher died, can't write it meanwhile. The system lets go of it with the process.
class RunLock {
 public:
  /// Waits for a job that is about to end, but not for longer than `patience`.
  /// errors: Error naming who holds it.
  explicit RunLock(const std::filesystem::path& run,
                   std::chrono::seconds patience = std::chrono::seconds(10));
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  ~RunLock();

 private:
  int file_ = -1;
};

/// Whether a job holds it now.
bool isLocked(const std::filesystem::path& run);

}  // namespace sphereface
