// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "base/temporary_folder.h"

namespace sphereface {
namespace {

TEST(RunLock, OneAtATimeAndTheOtherIsNamed) {
  const TemporaryFolder run;
  const std::chrono::seconds at_once(0);
  {
    const RunLock held(run.path(), at_once);
    try {
      const RunLock second(run.path(), at_once);
      FAIL() << "two jobs write one run folder";
    } catch (const Error& e) {
      const std::string what = e.what();
      EXPECT_NE(what.find(concat("being written by another job: process ", ::getpid(), " on ")),
                std::string::npos)
          << what;
    }
  }
  EXPECT_NO_THROW(RunLock(run.path(), at_once));
}

TEST(RunLock, AFolderThatIsNotThereIsNamed) {
  const TemporaryFolder folder;
  EXPECT_THROW(RunLock(folder / "absent" / "run"), Error);
}

}  // namespace
}  // namespace sphereface
