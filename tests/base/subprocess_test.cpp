// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/subprocess.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sphereface {
namespace {

TEST(Subprocess, KeepsWhatAProgramPrints) {
  const ProgramOutput done = captureProgram({"sh", "-c", "cat; echo $COLOUR; echo bad >&2; exit 7"},
                                            {{"COLOUR", "red"}}, 10);
  EXPECT_EQ(done.code, 7);
  EXPECT_FALSE(done.timed_out);
  EXPECT_EQ(done.out, "red\n") << "and nothing came on its stdin";
  EXPECT_EQ(done.errors, "bad\n");
  const ProgramOutput large = captureProgram({"sh", "-c", "head -c 1000000 /dev/zero"}, {}, 10);
  EXPECT_EQ(large.out.size(), 1000000U);
}

TEST(Subprocess, ShowsWhatAProgramWritesToStderr) {
  std::string errors;
  auto keep = [&](std::string_view text) { errors += text; };
  // What it leaves behind may keep its stderr open.
  EXPECT_EQ(runProgram({"sh", "-c", "echo one >&2; sleep 1; sleep 3 & echo two >&2; exit 7"}, {},
                       {}, keep),
            7);
  EXPECT_EQ(errors, "one\ntwo\n");
}

TEST(Subprocess, EndsAProgramThatTakesTooLong) {
  const auto start = std::chrono::steady_clock::now();
  const ProgramOutput done = captureProgram({"sleep", "60"}, {}, 0.2);
  EXPECT_TRUE(done.timed_out);
  EXPECT_EQ(done.code, 128 + 15);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(Subprocess, AMissingProgramHasTheShellsCode) {
  const ProgramOutput done = captureProgram({"no-such-program"}, {}, 10);
  EXPECT_EQ(done.code, kNoSuchProgram);
  EXPECT_NE(done.errors.find("cannot run no-such-program"), std::string::npos) << done.errors;
  EXPECT_EQ(runProgram({"true"}), 0);
  EXPECT_THROW(siblingProgram("no-such-program"), Error);
}

TEST(Subprocess, WordsAreQuotedForTheShell) {
  EXPECT_EQ(shellText({"mpirun", "-np", "2", "a b", "it's", ""}),
            "mpirun -np 2 'a b' 'it'\\''s' ''");
}

}  // namespace
}  // namespace sphereface
