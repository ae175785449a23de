// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/partial_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface {

namespace fs = std::filesystem;

PartialFolder::PartialFolder(const fs::path& output) : path_(output.string() + ".partial") {
  fs::create_directories(path_);
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) throw Error(concat("cannot open ", path_.string(), ": ", std::strerror(errno)));
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    ::close(lock_);
    // Where a file system knows no locks, nobody else is kept out.
    if (reason == EWOULDBLOCK) {
      throw Error(concat("another process is writing ", path_.string()));
    }
    lock_ = -1;
  }
}

PartialFolder::~PartialFolder() {
  std::error_code ignored;
  if (claimed_) {
    fs::remove_all(path_, ignored);
  } else {
    fs::remove(path_, ignored);  // fails unless it is empty
  }
  if (lock_ >= 0) ::close(lock_);
}

void PartialFolder::commit(const fs::path& output) {
  commitDirectory(path_, output);
}

}  // namespace sphereface
