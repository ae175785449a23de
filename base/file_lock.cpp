// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/file_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"
#include "base/this_process.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr std::chrono::milliseconds kLook{50};
constexpr seconds kRenew{5};
constexpr int64_t kStaleSeconds = 60;
/// In which another process, that takes over the same lock, would have been seen.
constexpr seconds kSettle{1};

std::string thisProcess() {
  return concat("process ", ::getpid(), " on ", hostName());
}

/// Within which a process's number means it. Containers of one name may be on two hosts.
std::string thisNumbering() {
  std::error_code unknown;
  return concat(readFile("/proc/sys/kernel/random/boot_id"),
                fs::read_symlink("/proc/self/ns/pid", unknown).string());
}

/// Answers of file systems that don't lock; EBADF is NFS's for a folder.
bool meansNoLocks(int reason) {
  return reason == ENOSYS || reason == ENOLCK || reason == EOPNOTSUPP || reason == EBADF;
}

fs::path heldFileOf(const fs::path& path) {
  return path.string() + ".held";
}

[[noreturn]] void failErrno(const char* what, const fs::path& path) {
  const int reason = errno;
  throw Error(concat("cannot ", what, " ", path.string(), ": ", std::strerror(reason)));
}

/// Text and time of a file that says who holds a lock: thisProcess(), thisNumbering().
struct Holder {
  std::string text;
  struct stat status {};

  std::string name() const { return text.substr(0, text.find('\n')); }

  bool isOfThisHost() const { return text.ends_with(concat("\n", thisNumbering())); }

  bool isGone() const {
    std::istringstream words(text);
    std::string word;
    pid_t process = 0;
    return isOfThisHost() && words >> word >> process && ::kill(process, 0) != 0 && errno == ESRCH;
  }

  bool isStale(time_t now) const { return now - status.st_mtime > kStaleSeconds || isGone(); }
};

/// Nothing when there is none; errors: Error when it is anything else. Opens it, as network file
/// systems show a file's true time then.
std::optional<Holder> holderOf(const fs::path& held) {
  const int file = ::open(held.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0 && errno == ENOENT) return std::nullopt;
  if (file < 0) failErrno("open", held);
  Holder holder;
  std::array<char, 256> text{};
  const ssize_t got = ::read(file, text.data(), text.size());
  const bool known = got >= 0 && ::fstat(file, &holder.status) == 0;
  const int reason = errno;
  ::close(file);
  errno = reason;
  if (!known) failErrno("read", held);
  holder.text = std::string_view(text.data(), static_cast<size_t>(got));
  return holder;
}

std::string nameIn(const fs::path& file) {
  return holderOf(file).value_or(Holder()).name();
}

[[noreturn]] void failHeld(const fs::path& path, const std::string& holder) {
  throw Error(concat(path.string(), " is held by another process",
                     holder.empty() ? "" : concat(": ", holder)));
}

}  // namespace

/// PATH.held, from its making to its removal.
class FileLock::HeldFile {
 public:
  HeldFile(const fs::path& path, seconds patience)
      : held_(heldFileOf(path)), own_(concat(held_.string(), ".", hostName(), ".", ::getpid())) {
    std::error_code ignored;
    fs::remove(own_, ignored);  // of a process of this number that died
    file_ = ::open(own_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    const std::string text = concat(thisProcess(), "\n", thisNumbering());
    if (file_ < 0) failErrno("make", own_);
    try {
      if (::write(file_, text.data(), text.size()) < 0) failErrno("write", own_);
      take(path, patience);
    } catch (...) {
      ::close(file_);
      fs::remove(own_, ignored);
      throw;
    }
    fs::remove(own_, ignored);
    renewer_ = std::thread([this] { renew(); });
  }
  HeldFile(const HeldFile&) = delete;
  HeldFile& operator=(const HeldFile&) = delete;
  ~HeldFile() {
    {
      const std::lock_guard guard(mutex_);
      ended_ = true;
    }
    end_.notify_all();
    renewer_.join();
    std::error_code ignored;
    if (isOurs()) fs::remove(held_, ignored);
    ::close(file_);
  }

  bool isOurs() const {
    struct stat ours {};
    const std::optional<Holder> holder = holderOf(held_);
    return ::fstat(file_, &ours) == 0 && holder && holder->status.st_ino == ours.st_ino &&
           holder->status.st_dev == ours.st_dev;
  }

  const fs::path& file() const { return held_; }
  /// Whom it was taken from; empty: nobody.
  const std::string& formerHolder() const { return former_; }

 private:
  /// Now, by the clock that the file system's times are of.
  time_t now() const {
    struct stat status {};
    if (::futimens(file_, nullptr) != 0 || ::fstat(file_, &status) != 0) failErrno("renew", own_);
    return status.st_mtime;
  }

  void take(const fs::path& path, seconds patience) {
    const auto patience_ends = std::chrono::steady_clock::now() + patience;
    std::optional<time_t> first_time;
    while (::link(own_.c_str(), held_.c_str()) != 0) {
      if (errno != EEXIST) return takeWithoutLinks();
      const std::optional<Holder> holder = holderOf(held_);
      if (!holder) continue;  // gone meanwhile
      const time_t time = now();
      if (holder->isStale(time)) {
        return takeOver(holder->name());
      }
      // One that hasn't renewed it since may be dead.
      if (!first_time) first_time = holder->status.st_mtime;
      const bool lives = holder->status.st_mtime != *first_time || holder->isOfThisHost() ||
                         (patience == seconds(0) && time - *first_time < 3 * kRenew.count());
      if (lives && std::chrono::steady_clock::now() >= patience_ends)
        failHeld(path, holder->name());
      std::this_thread::sleep_for(kLook);
    }
  }

  /// On file systems without hard links.
  void takeWithoutLinks() const {
    const int made =
        ::open(held_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (made < 0) failErrno("make", held_);
    ::close(made);
    if (::rename(own_.c_str(), held_.c_str()) != 0) failErrno("make", held_);
  }

  void takeOver(const std::string& from) {
    if (::rename(own_.c_str(), held_.c_str()) != 0) failErrno("take over", held_);
    std::this_thread::sleep_for(kSettle);
    if (!isOurs()) failHeld(held_, nameIn(held_));
    former_ = from;
  }

  void renew() {
    std::unique_lock guard(mutex_);
    while (!end_.wait_for(guard, kRenew, [this] { return ended_; }))
      static_cast<void>(
          ::futimens(file_, nullptr));  // check() tells when that is of no use any more
  }

  fs::path held_;
  fs::path own_;  // until it is the one above
  int file_ = -1;
  std::string former_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ended_ = false;
  std::thread renewer_;
};

FileLock::FileLock(fs::path path, seconds patience) : path_(std::move(path)) {
  const bool folder = fs::is_directory(path_);
  file_ =
      ::open(path_.c_str(),
             (folder ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT) | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file_ < 0) failErrno("open", path_);
  try {
    const auto end = std::chrono::steady_clock::now() + patience;
    int taken = -1;
    while ((taken = ::flock(file_, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK &&
           std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(kLook);
    }
    if (taken != 0) {
      if (errno == EWOULDBLOCK) failHeld(path_, folder ? "" : nameIn(path_));
      if (!meansNoLocks(errno)) failErrno("lock", path_);
      note_ = concat(path_.string(), " can't be locked (", std::strerror(errno), "): ");
      held_ = std::make_unique<HeldFile>(path_, patience);
      const std::string& former = held_->formerHolder();
      note_ += concat(held_->file().string(), " keeps others out",
                      former.empty() ? "" : ", taken over from " + former);
    }
    const std::string text = thisProcess();
    if (!folder && (::ftruncate(file_, 0) != 0 || ::write(file_, text.data(), text.size()) < 0)) {
      failErrno("write", path_);
    }
  } catch (...) {
    ::close(file_);
    throw;
  }
}

FileLock::~FileLock() {
  held_.reset();
  ::close(file_);
}

void FileLock::check() const {
  if (held_ && !held_->isOurs()) failHeld(path_, nameIn(held_->file()));
}

bool FileLock::isHeld(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool refused = ::flock(file, LOCK_SH | LOCK_NB) != 0;
  const int reason = errno;
  ::close(file);
  if (!refused || !meansNoLocks(reason)) return refused && reason == EWOULDBLOCK;
  const std::optional<Holder> holder = holderOf(heldFileOf(path));
  return holder && !holder->isStale(::time(nullptr));
}

bool hasSystemLocks(const fs::path& folder) {
  const int file = openUnnamedFile(folder);
  if (file < 0) failErrno("write in", folder);
  const bool locked = ::flock(file, LOCK_EX | LOCK_NB) == 0;
  ::close(file);
  return locked;
}

}  // namespace sphereface
