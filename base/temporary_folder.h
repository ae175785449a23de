// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/error.h"

namespace sphereface {

/// Opens a new file in `folder` for reading and writing, without a name, so that it is gone with
/// its last descriptor. -1, and errno, when that can't be.
inline int openUnnamedFile(const std::filesystem::path& folder) {
  std::string name = (folder / ".sphereface-XXXXXX").string();
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file >= 0) ::unlink(name.c_str());
  return file;
}

/// A new empty folder, removed with all that is in it at the end of its scope.
class TemporaryFolder {
 public:
  /// errors: Error naming `place`.
  explicit TemporaryFolder(
      const std::filesystem::path& place = std::filesystem::temp_directory_path()) {
    std::string pattern = (place / "sphereface-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw Error(concat("cannot make a folder in ", place.string(), ": ", std::strerror(errno)));
    }
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace sphereface
