// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/host_name.h"

namespace sphereface {
namespace {

constexpr std::chrono::milliseconds kLook{50};

}  // namespace

RunLock::RunLock(const std::filesystem::path& run, std::chrono::seconds patience) {
  const std::filesystem::path path = run / ".lock";
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) throw Error(concat("cannot open ", path.string(), ": ", std::strerror(errno)));
  const auto end = std::chrono::steady_clock::now() + patience;
  int taken = -1;
  while ((taken = ::flock(file_, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kLook);
  }
  if (taken != 0) {
    const int reason = errno;
    ::close(file_);
    if (reason == EWOULDBLOCK) {
      throw Error(concat(run.string(), " is being written by another job: ", readFile(path)));
    }
    throw Error(concat("cannot lock ", path.string(), ": ", std::strerror(reason)));
  }
  const std::string text = concat("process ", ::getpid(), " on ", hostName());
  if (::ftruncate(file_, 0) != 0 || ::write(file_, text.data(), text.size()) < 0) {
    const int reason = errno;
    ::close(file_);
    throw Error(concat("cannot write ", path.string(), ": ", std::strerror(reason)));
  }
}

RunLock::~RunLock() {
  ::close(file_);
}

bool isLocked(const std::filesystem::path& run) {
  const int file = ::open((run / ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool locked = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return locked;
}

}  // namespace sphereface
