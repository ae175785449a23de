// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A lock that one process has, on whatever file system. Where the system locks files, it is
// flock(), which the system lets go of with the process. Where it doesn't (Lustre without -o flock,
// NFS without lockd, some FUSE), it is a file PATH.held with the holder's host and process, made
// exclusively, whose time the holder renews every few seconds. One that wasn't renewed for a
// minute, or whose process is gone from this host, is taken over.

#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace sphereface {

class FileLock {
 public:
  /// Of a file, which is made if need be and gets the holder's name, or of a folder that is there.
  /// Waits for a holder that is about to end, but not for longer than `patience`; for one that
  /// may have died elsewhere a minute.
  /// errors: Error naming the path and who holds it, or why it can't be locked.
  explicit FileLock(std::filesystem::path path, std::chrono::seconds patience = {});
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

  /// What a user should know: that the system has no locks here, and whom this one was taken from.
  /// Empty otherwise.
  const std::string& note() const { return note_; }

  /// errors: Error when another process has taken the lock over, as this one stood still for a
  /// minute.
  void check() const;

  /// Whether a process has it now.
  static bool isHeld(const std::filesystem::path& path);

 private:
  class HeldFile;
  std::filesystem::path path_;
  int file_ = -1;
  std::string note_;
  std::unique_ptr<HeldFile> held_;
};

/// Whether the system locks files in `folder`, which must be writable.
bool hasSystemLocks(const std::filesystem::path& folder);

}  // namespace sphereface
