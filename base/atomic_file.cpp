// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

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

  /// None of an empty file.
  std::optional<char> lastByte() const {
    char last = 0;
    const off_t size = ::lseek(fd_, 0, SEEK_END);
    if (size == 0) return std::nullopt;
    if (size < 0 || ::pread(fd_, &last, 1, size - 1) != 1) throwErrno("read", path_);
    return last;
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

/// A file of this name may be left of a process of this number that died; only it is removed, and
/// no file that a link leads to is touched.
Descriptor newFile(const fs::path& path) {
  constexpr int kNew = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throwErrno("replace", path);
  return Descriptor(path, kNew);
}

}  // namespace

struct AtomicFile::Open {
  Descriptor file;
};

AtomicFile::AtomicFile(fs::path path)
    : path_(std::move(path)),
      temporary_(concat(path_.string(), ".", ::getpid(), ".tmp")),
      open_(new Open{newFile(temporary_)}) {}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove(temporary_, ignored);
}

void AtomicFile::write(std::string_view bytes) {
  open_->file.write(bytes);
}

void AtomicFile::commit() {
  open_->file.sync();
  open_->file.close();
  renameDurably(temporary_, path_);
  temporary_.clear();
}

void writeFileAtomically(const fs::path& path, std::string_view bytes) {
  writeFileAtomically(path, {&bytes, 1});
}

void writeFileAtomically(const fs::path& path, std::span<const std::string_view> pieces) {
  AtomicFile file(path);
  for (const std::string_view piece : pieces)
    file.write(piece);
  file.commit();
}

void appendLine(const fs::path& path, const std::string& line) {
  Descriptor file(path, O_RDWR | O_CREAT | O_APPEND);
  file.write((file.lastByte().value_or('\n') == '\n' ? "" : "\n") + line + "\n");
  file.sync();
  file.close();
}

void makeWorkFolder(const fs::path& folder) {
  if (fs::is_symlink(folder)) {
    throw Error(concat(folder.string(), " is a symbolic link: no place for unfinished work"));
  }
  fs::create_directories(folder);
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
