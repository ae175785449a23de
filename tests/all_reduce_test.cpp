// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include "tests/process.h"
#include "worker/shard_tree.h"

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

TEST(ShardTree, AddsInPairs) {
  // Numbers whose sum depends on the order.
  const float shards[4] = {1e8F, 3.0F, -1e8F, 5.0F};
  ShardTree tree(4, 2);
  float value[2];
  for (size_t shard = 0; shard < 4; ++shard) {
    value[0] = shards[shard];
    value[1] = 1;
    // In two ranges, as backward hands them over.
    EXPECT_EQ(tree.add(shard, 0, {value, 1}), shard == 3);
    EXPECT_EQ(tree.add(shard, 1, {value + 1, 1}), shard == 3);
  }
  EXPECT_EQ(value[0], (1e8F + 3.0F) + (-1e8F + 5.0F));
  EXPECT_EQ(value[1], 4);
}

TEST(ShardTree, OfOneShardIsThatShard) {
  ShardTree tree(1, 1);
  float value = 7;
  EXPECT_TRUE(tree.add(0, 0, {&value, 1}));
  EXPECT_EQ(value, 7);
}

}  // namespace
}  // namespace sphereface
