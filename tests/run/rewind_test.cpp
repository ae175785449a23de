// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/run_folder.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"
#include "model/checkpoint.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

TEST(Rewind, ForgetsWhatCameAfterTheCheckpoint) {
  const TemporaryFolder run;
  // Metrics count steps done, records name the step.
  writeFileAtomically(run.path() / "metrics.jsonl", "{\"step\":2}\n{\"step\":4}\n{\"step\":6}\n");
  writeFileAtomically(run.path() / "records.tsv", "2\t7\n3\t1\n4\t5\n");
  writeFileAtomically(run.path() / "events.jsonl", "{\"event\":\"start\"}\n{\"event\":\"wor");
  fs::create_directories(checkpointFolder(run.path(), 4));
  fs::create_directories(checkpointWorkFolder(run.path(), 6));
  rewindRunFolder(run.path(), 4);
  EXPECT_EQ(readFile(run.path() / "metrics.jsonl"), "{\"step\":2}\n{\"step\":4}\n");
  EXPECT_EQ(readFile(run.path() / "records.tsv"), "2\t7\n3\t1\n");
  EXPECT_EQ(readFile(run.path() / "events.jsonl"), "{\"event\":\"start\"}\n");
  EXPECT_TRUE(fs::exists(checkpointFolder(run.path(), 4)));
  EXPECT_FALSE(fs::exists(checkpointWorkFolder(run.path(), 6)));
}

TEST(Rewind, PassesOverLinesThatNobodyCanRead) {
  const TemporaryFolder run;
  const std::string nonsense = "7\n[]\n\"text\"\n{\"a\"\n{\"step\":\"2\"}\n{\"step\":{}}\n\xff\n" +
                               std::string(100000, '[') + "\n{\"a\":" + std::string(100000, '[') +
                               "\n";
  writeFileAtomically(run.path() / "metrics.jsonl",
                      "{\"step\":2}\n" + nonsense + "{\"step\":4}\n{\"step\":6}\n");
  writeFileAtomically(run.path() / "events.jsonl", nonsense + "{\"event\":\"start\"}\n");
  rewindRunFolder(run.path(), 4);
  EXPECT_EQ(readFile(run.path() / "metrics.jsonl"), "{\"step\":2}\n{\"step\":4}\n");
  EXPECT_TRUE(readFile(run.path() / "events.jsonl").ends_with("{\"event\":\"start\"}\n"));
}

TEST(Rewind, OfANewFolderDoesNothing) {
  const TemporaryFolder run;
  rewindRunFolder(run.path(), 0);
  EXPECT_TRUE(fs::is_empty(run.path()));
}

}  // namespace
}  // namespace sphereface
