// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace sphereface {

/// A file without a name, which is gone when the process is, however it ends.
class ScratchFile {
 public:
  /// errors: Error when none can be made in `folder`.
  explicit ScratchFile(const std::filesystem::path& folder);
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile();

  uint64_t size() const { return size_; }
  /// errors: Error naming the folder (disk full, ...).
  void append(std::string_view bytes);
  /// Thread-safe once nothing is appended any more. requires: within size().
  std::string read(uint64_t offset, uint64_t bytes) const;

 private:
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path folder_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

}  // namespace sphereface
