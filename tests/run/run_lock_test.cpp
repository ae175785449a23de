// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"
#include "run/run_folder.h"

namespace {

int no_locks = 0;  // what flock() fails with, as on a file system without locks; 0: it doesn't

}  // namespace

/// In place of the C library's.
extern "C" int flock(int file, int operation) noexcept {
  if (no_locks == 0) return static_cast<int>(::syscall(SYS_flock, file, operation));
  errno = no_locks;
  return -1;
}

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

/// With what flock() fails; 0: it doesn't.
class RunLockWhere : public ::testing::TestWithParam<int> {
 protected:
  RunLockWhere() { no_locks = GetParam(); }
  ~RunLockWhere() override { no_locks = 0; }

  std::string problem(seconds patience = seconds(0)) const {
    try {
      const RunLock second(run_.path(), patience);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }

  const TemporaryFolder run_;
};

INSTANTIATE_TEST_SUITE_P(Locks, RunLockWhere, ::testing::Values(0, ENOSYS, ENOLCK, EOPNOTSUPP));

TEST_P(RunLockWhere, OneAtATimeAndTheOtherIsNamed) {
  EXPECT_EQ(hasSystemLocks(run_.path()), GetParam() == 0);
  {
    const RunLock held(run_.path(), seconds(0));
    EXPECT_EQ(held.note().empty(), GetParam() == 0) << held.note();
    EXPECT_TRUE(isLocked(run_.path()));
    EXPECT_NE(problem().find(concat(" is held by another process: process ", ::getpid(), " on ")),
              std::string::npos)
        << problem();
    EXPECT_TRUE(isLocked(run_.path()));
    EXPECT_NO_THROW(held.check());
  }
  EXPECT_FALSE(isLocked(run_.path()));
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(std::distance(fs::directory_iterator(run_.path()), fs::directory_iterator()), 1)
      << "nothing but .lock is left";
}

TEST_P(RunLockWhere, AFolderThatIsNotThereIsNamed) {
  EXPECT_THROW(RunLock(run_ / "absent" / "run"), Error);
}

TEST_P(RunLockWhere, OfAProcessThatDiedIsFreeAtOnce) {
  const pid_t child = ::fork();
  if (child == 0) {
    const RunLock held(run_.path(), seconds(0));
    ::_exit(0);  // without destructors
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(isLocked(run_.path()));
  const RunLock held(run_.path(), seconds(0));
  if (GetParam() == 0) return;
  EXPECT_NE(held.note().find(concat("taken over from process ", child, " on ")), std::string::npos)
      << held.note();
}

class HeartbeatLock : public RunLockWhere {
 protected:
  void writeHeld(int seconds_ago) const {
    writeFileAtomically(RunFolder{run_.path()}.lock(), "");
    writeFileAtomically(held_, "process 1 on elsewhere\nanother start of another host");
    fs::last_write_time(held_, fs::file_time_type::clock::now() - seconds(seconds_ago));
  }
  const fs::path held_ = RunFolder{run_.path()}.lock().string() + ".held";
};

INSTANTIATE_TEST_SUITE_P(Locks, HeartbeatLock, ::testing::Values(ENOSYS));

TEST_P(HeartbeatLock, OfAnotherHostIsTakenOverAfterAMinuteWithoutABeat) {
  writeHeld(62);
  EXPECT_FALSE(isLocked(run_.path()));
  const RunLock held(run_.path(), seconds(0));
  EXPECT_NE(held.note().find("taken over from process 1 on elsewhere"), std::string::npos)
      << held.note();
  // Somebody does the same to this one.
  writeHeld(0);
  EXPECT_THROW(held.check(), Error);
}

TEST_P(HeartbeatLock, OfAnotherHostThatMayHaveDiedIsWaitedFor) {
  writeHeld(0);
  EXPECT_TRUE(isLocked(run_.path()));
  EXPECT_NE(problem().find("process 1 on elsewhere"), std::string::npos);
  // Without a beat it is stale two seconds on, though the patience is over before.
  writeHeld(59);
  EXPECT_EQ(problem(seconds(1)), "");
}

TEST_P(HeartbeatLock, BeatsEveryFewSeconds) {
  const RunLock held(run_.path(), seconds(0));
  fs::last_write_time(held_, fs::file_time_type::clock::now() - std::chrono::hours(1));
  const auto end = std::chrono::steady_clock::now() + seconds(30);
  while (!isLocked(run_.path()) && std::chrono::steady_clock::now() < end)
    ::usleep(100'000);
  EXPECT_TRUE(isLocked(run_.path()));
}

TEST_P(HeartbeatLock, FollowsNoLink) {
  writeFileAtomically(run_ / "precious", "text");
  fs::create_symlink(run_ / "precious", held_);
  EXPECT_NE(problem(), "");
  EXPECT_EQ(readFile(run_ / "precious"), "text");
}

}  // namespace
}  // namespace sphereface
