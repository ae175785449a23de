// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include "tests/support/process.h"

namespace sphereface {
namespace {

testing::Finished underMpirun(int ranks, const std::vector<std::string>& arguments = {}) {
  std::vector<std::string> line = testing::mpirun(ranks);
  line.push_back(testing::program("all_reduce_ranks"));
  line.insert(line.end(), arguments.begin(), arguments.end());
  return testing::runCommand(line);
}

class AllReduceOver : public ::testing::TestWithParam<int> {};

TEST_P(AllReduceOver, RanksSumInTheTreesOrder) {
  const testing::Finished done = underMpirun(GetParam());
  EXPECT_EQ(done.code, 0) << done.output;
}

INSTANTIATE_TEST_SUITE_P(Ranks, AllReduceOver, ::testing::Values(1, 2, 3, 4, 5, 6));

TEST(AllReduce, NamesTheRanksThatDontCome) {
  const testing::Finished done = underMpirun(3, {"late"});
  EXPECT_NE(done.code, 0);
  EXPECT_NE(done.output.find("all-reduce 1, collecting: waited 1 s in vain for rank 2@"),
            std::string::npos)
      << done.output;
}

}  // namespace
}  // namespace sphereface
