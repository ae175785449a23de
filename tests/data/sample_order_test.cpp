// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/sample_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace sphereface {
namespace {

std::vector<uint64_t> epochOf(uint64_t records, uint64_t seed, uint64_t epoch) {
  SampleOrder order(records, seed);
  std::vector<uint64_t> ids;
  for (uint64_t k = 0; k < records; ++k)
    ids.push_back(order.record(epoch * records + k));
  return ids;
}

TEST(SampleOrder, AnEpochVisitsEveryRecordOnce) {
  for (const uint64_t records : {1U, 2U, 255U, 256U, 257U, 4096U, 4097U, 10007U}) {
    for (uint64_t epoch = 0; epoch < 3; ++epoch) {
      const std::vector<uint64_t> ids = epochOf(records, 7, epoch);
      const std::set<uint64_t> distinct(ids.begin(), ids.end());
      EXPECT_EQ(distinct.size(), records);
      EXPECT_EQ(*distinct.rbegin(), records - 1);
    }
  }
}

TEST(SampleOrder, DiffersByEpochAndSeedAndRepeatsForTheSame) {
  EXPECT_EQ(epochOf(5000, 1, 0), epochOf(5000, 1, 0));
  EXPECT_NE(epochOf(5000, 1, 0), epochOf(5000, 1, 1));
  EXPECT_NE(epochOf(5000, 1, 0), epochOf(5000, 2, 0));
}

TEST(SampleOrder, AnyPositionCanBeAskedForInAnyOrder) {
  SampleOrder forward(9000, 3);
  SampleOrder backward(9000, 3);
  std::vector<uint64_t> there;
  std::vector<uint64_t> back;
  for (uint64_t k = 0; k < 20000; k += 37)
    there.push_back(forward.record(k));
  for (uint64_t k = 0; k < 20000; k += 37)
    back.push_back(backward.record(k));
  for (uint64_t k = 19980; k > 37; k -= 37)
    backward.record(k);
  EXPECT_EQ(there, back);
  EXPECT_EQ(backward.record(0), there[0]);
}

TEST(SampleOrder, ReadsStayWithinAWindowsBlocks) {
  const std::vector<uint64_t> ids = epochOf(102400, 1, 0);
  constexpr uint64_t kWindow = SampleOrder::kBlockRecords * SampleOrder::kBlocksPerWindow;
  for (size_t begin = 0; begin + kWindow <= ids.size(); begin += kWindow) {
    std::set<uint64_t> blocks;
    for (size_t k = begin; k < begin + kWindow; ++k)
      blocks.insert(ids[k] / SampleOrder::kBlockRecords);
    EXPECT_LE(blocks.size(), SampleOrder::kBlocksPerWindow);
  }
}

}  // namespace
}  // namespace sphereface
