// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace sphereface {

/// A file that is read at any place, by any thread.
class RandomAccessFile {
 public:
  /// errors: Error naming the file and the system's reason.
  explicit RandomAccessFile(std::filesystem::path path);
  RandomAccessFile(const RandomAccessFile&) = delete;
  RandomAccessFile& operator=(const RandomAccessFile&) = delete;
  ~RandomAccessFile();

  const std::filesystem::path& path() const { return path_; }
  /// Bytes when it was opened.
  uint64_t size() const { return size_; }

  /// errors: Error naming the file when it ends before, or can't be read.
  void readAt(uint64_t offset, void* to, size_t bytes) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

}  // namespace sphereface
