// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throwErrno(const char* what, const fs::path& path) {
  const int reason = errno;
  throw Error(concat("cannot ", what, " ", path.string(), ": ", std::strerror(reason)));
}

/// Closes the descriptor it holds.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)), path_(path) {
    if (fd_ < 0) throwErrno("open", path_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throwErrno("write", path_);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
  }

  void sync() const {
    if (::fsync(fd_) != 0) throwErrno("sync", path_);
  }

  /// Some file systems report a failed write only here.
  void close() {
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0) throwErrno("close", path_);
  }

 private:
  int fd_;
  fs::path path_;
};

void syncDirectory(const fs::path& directory) {
  Descriptor(directory.empty() ? fs::path(".") : directory, O_RDONLY | O_DIRECTORY).sync();
}

void renameDurably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    const int reason = errno;
    throw Error(
        concat("cannot rename ", from.string(), " to ", to.string(), ": ", std::strerror(reason)));
  }
  syncDirectory(to.parent_path());
}

}  // namespace

void writeFileAtomically(const fs::path& path, std::string_view bytes) {
  writeFileAtomically(path, {&bytes, 1});
}

void writeFileAtomically(const fs::path& path, std::span<const std::string_view> pieces) {
  const fs::path temporary = concat(path.string(), ".", ::getpid(), ".tmp");
  try {
    Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    for (const std::string_view piece : pieces)
      file.write(piece);
    file.sync();
    file.close();
    renameDurably(temporary, path);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

void commitDirectory(const fs::path& from, const fs::path& to) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(from)) {
    if (entry.is_directory()) {
      syncDirectory(entry.path());
    } else {
      Descriptor(entry.path(), O_RDONLY).sync();
    }
  }
  syncDirectory(from);
  renameDurably(from, to);
}

std::string readFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throwErrno("open", path);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (in.bad() || bytes.bad() || fs::is_directory(path)) throwErrno("read", path);
  return std::move(bytes).str();
}

}  // namespace sphereface
