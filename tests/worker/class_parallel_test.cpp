// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include "tests/support/process.h"

namespace sphereface {
namespace {

class ClassParallelOver : public ::testing::TestWithParam<int> {};

TEST_P(ClassParallelOver, RanksTrainsWhatOneEngineTrains) {
  std::vector<std::string> line = testing::mpirun(GetParam());
  line.push_back(testing::program("class_parallel_ranks"));
  const testing::Finished done = testing::runCommand(line);
  EXPECT_EQ(done.code, 0) << done.output;
}

INSTANTIATE_TEST_SUITE_P(Ranks, ClassParallelOver, ::testing::Values(1, 2, 3, 4));

/// Their kernels run on the host.
class ClassParallelOverGpus : public ::testing::TestWithParam<int> {};

TEST_P(ClassParallelOverGpus, RanksTrainWhatOneEngineTrains) {
  std::vector<std::string> line = {"env", "LD_LIBRARY_PATH=" + testing::program("gpu-on-host")};
  for (const std::string& word : testing::mpirun(GetParam()))
    line.push_back(word);
  line.insert(line.end(), {testing::program("class_parallel_ranks"), "cuda"});
  const testing::Finished done = testing::runCommand(line);
  EXPECT_EQ(done.code, 0) << done.output;
}

INSTANTIATE_TEST_SUITE_P(Ranks, ClassParallelOverGpus, ::testing::Values(1, 3));

}  // namespace
}  // namespace sphereface
