// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>

namespace sphereface {

/// The folder in which a result is made before it gets its name: OUTPUT.partial, by one process at
/// a time. A killed process leaves it.
class PartialFolder {
 public:
  /// Makes it, or takes over what a killed process left. errors: Error when another process has it.
  explicit PartialFolder(const std::filesystem::path& output);
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;
  /// Removes it, unless it was committed. What another process left stays if it wasn't claimed.
  ~PartialFolder();

  const std::filesystem::path& path() const { return path_; }
  /// From now on what is in it is this process's.
  void claim() { claimed_ = true; }
  /// Renames it, made durable. Call once, last.
  void commit(const std::filesystem::path& output);

 private:
  std::filesystem::path path_;
  int lock_ = -1;
  bool claimed_ = false;
};

}  // namespace sphereface
