// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Preloaded (LD_PRELOAD), makes what lies below the folder NO_LOCKS_UNDER a file system without
// locks, as Lustre is without -o flock: flock() and the locks of fcntl() fail with ENOSYS there.
// And fsync() of a checkpoint's parameters takes SLOW_SYNC seconds.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

std::string pathOf(int file) {
  std::array<char, 64> link{};
  std::array<char, 4096> path{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", file);
  const ssize_t length = ::readlink(link.data(), path.data(), path.size());
  return length > 0 ? std::string(path.data(), static_cast<size_t>(length)) : "";
}

bool isWithoutLocks(int file) {
  const char* folder = std::getenv("NO_LOCKS_UNDER");
  return folder != nullptr && pathOf(file).starts_with(folder);
}

int control(const char* name, int file, int command, void* argument) {
  const bool locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK ||
                     command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK;
  if (locks && isWithoutLocks(file)) {
    errno = ENOSYS;
    return -1;
  }
  const auto next = reinterpret_cast<int (*)(int, int, ...)>(::dlsym(RTLD_NEXT, name));
  return next(file, command, argument);
}

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"  // struct flock

extern "C" {

int flock(int file, int operation) noexcept {
  if (!isWithoutLocks(file)) return static_cast<int>(::syscall(SYS_flock, file, operation));
  errno = ENOSYS;
  return -1;
}

int fsync(int file) {
  const char* seconds = std::getenv("SLOW_SYNC");
  if (seconds != nullptr && pathOf(file).ends_with("/parameters.bin")) {
    ::sleep(static_cast<unsigned>(std::atoi(seconds)));
  }
  return static_cast<int>(::syscall(SYS_fsync, file));
}

int fcntl(int file, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  return control("fcntl", file, command, argument);
}

int fcntl64(int file, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  return control("fcntl64", file, command, argument);
}
}

#pragma GCC diagnostic pop
