// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/log_output.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/pattern.h"
#include "base/temporary_folder.h"

namespace sphereface {
namespace {

TEST(LogOutput, NamesWhoSaysItInEveryLine) {
  const TemporaryFolder folder;
  ::testing::internal::CaptureStdout();
  LogOutput output(CoordinatorConfig::TEXT, "rank 0@here", folder / "log.txt");
  output.progress(1, 2, "no bar was asked for");
  output.line("checkpoint", "runs/a");
  const std::string shown = ::testing::internal::GetCapturedStdout();
  EXPECT_FALSE(
      findPattern("^[0-9]{2}:[0-9]{2}:[0-9]{2} rank 0@here checkpoint: runs/a\n$", shown).empty())
      << shown;
  EXPECT_EQ(readFile(folder / "log.txt"), shown);
}

TEST(LogOutput, IsJsonWhenAskedFor) {
  ::testing::internal::CaptureStdout();
  LogOutput output(CoordinatorConfig::JSON, "rank 0@here", {}, true);
  output.progress(1, 2, "nor a bar between objects");
  output.line("step", "a \"quoted\"\ntext", {{"loss", 0.5}});
  output.line("note", "\xff is no UTF-8");
  std::istringstream lines(::testing::internal::GetCapturedStdout());
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const Json step = parseJson(line);
  EXPECT_EQ(step.at("who"), "rank 0@here");
  EXPECT_EQ(step.at("event"), "step");
  EXPECT_EQ(step.at("text"), "a \"quoted\"\ntext");
  EXPECT_EQ(step.at("loss"), 0.5);
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_FALSE(tryParseJson(line).is_discarded()) << line;
  EXPECT_FALSE(std::getline(lines, line)) << line;
}

TEST(LogOutput, KeepsTheBarBelowTheLines) {
  ::testing::internal::CaptureStdout();
  {
    LogOutput output(CoordinatorConfig::TEXT, "rank 0@here", {}, true);
    output.progress(500, 1000, "812 images/s");
    output.progress(501, 1000, "so soon it isn't drawn again");
    output.line("note", "a line");
  }
  const std::string bar =
      concat("[", std::string(15, '#'), std::string(15, '.'), "] 500/1000 steps  812 images/s");
  const std::string clear = "\r\033[K";
  const std::string shown = ::testing::internal::GetCapturedStdout();
  EXPECT_TRUE(shown.starts_with(clear + bar + clear)) << shown;
  EXPECT_TRUE(shown.ends_with("note: a line\n" + bar + clear)) << shown;
}

TEST(LogLine, ShowsControlCharactersOfNames) {
  const std::string forged = "run\x1b[2J\n19:05:53 rank 0@node1 end: trained";
  const std::string line = logLine(CoordinatorConfig::TEXT, "rank 0@node1", "run", forged);
  EXPECT_TRUE(line.ends_with("run: run\\x1b[2J\\x0a19:05:53 rank 0@node1 end: trained")) << line;
  EXPECT_EQ(logLine(CoordinatorConfig::JSON, "", "run", forged).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace sphereface
