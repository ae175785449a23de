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

/// Made by other code, forty lines of Python: SplitMix64 with the keys (seed, 1, epoch) for the
/// blocks and (seed, 2, epoch (windows + 1) + window) for a window's records, Fisher-Yates.
TEST(SampleOrder, IsTheOneThatRunsWereTrainedIn) {
  struct Known {
    uint64_t records, seed, epoch, place, record;
  };
  constexpr Known kKnown[] = {
      {10007, 7, 0, 0, 1054},
      {10007, 7, 0, 1, 1018},
      {10007, 7, 0, 2, 6818},
      {10007, 7, 0, 4095, 4235},
      {10007, 7, 0, 4096, 7608},
      {10007, 7, 0, 10006, 7708},
      {10007, 7, 1, 0, 9197},
      {10007, 7, 1, 1, 9122},
      {10007, 7, 1, 2, 192},
      {10007, 7, 1, 8191, 673},
      {10007, 7, 1, 8192, 1167},
      {10007, 7, 1, 10006, 2077},
      {300, 1, 0, 0, 248},
      {300, 1, 0, 1, 204},
      {300, 1, 0, 298, 166},
      {300, 1, 0, 299, 137},
      {300, 1, 5, 0, 74},
      {300, 1, 5, 299, 49},
      {5, 9, 0, 0, 4},
      {5, 9, 0, 1, 3},
      {5, 9, 0, 2, 0},
      {5, 9, 0, 3, 1},
      {5, 9, 0, 4, 2},
      {5, 9, 1, 0, 4},
      {5, 9, 1, 1, 1},
      {5, 9, 1, 4, 0},
      {1000000, 123456789, 3, 0, 150946},
      {1000000, 123456789, 3, 500000, 616703},
      {1000000, 123456789, 3, 999999, 707036},
  };
  for (const Known& known : kKnown) {
    SampleOrder order(known.records, known.seed);
    EXPECT_EQ(order.record(known.epoch * known.records + known.place), known.record)
        << known.records << " records, epoch " << known.epoch << ", place " << known.place;
  }
}

/// 40 blocks in three windows, over many epochs: where a few records stand in each.
class SampleOrderOverEpochs : public ::testing::Test {
 protected:
  static constexpr uint64_t kRecords = 40 * SampleOrder::kBlockRecords;
  static constexpr uint64_t kEpochs = 1000;
  static constexpr size_t kCells = 16;
  static constexpr uint64_t kFollowed[] = {0, 1, 255, 256, 4095, 4096, 7777, kRecords - 1};
  // Of 15 degrees of freedom; a random order exceeds it once in a million times.
  static constexpr double kMost = 55;

  /// [i][e]: place of kFollowed[i] in epoch e.
  static std::vector<std::vector<uint64_t>> places() {
    SampleOrder order(kRecords, 11);
    std::vector<std::vector<uint64_t>> found(std::size(kFollowed), std::vector<uint64_t>(kEpochs));
    std::vector<uint64_t> place(kRecords);
    for (uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
      for (uint64_t k = 0; k < kRecords; ++k)
        place[order.record(epoch * kRecords + k)] = k;
      for (size_t i = 0; i < std::size(kFollowed); ++i)
        found[i][epoch] = place[kFollowed[i]];
    }
    return found;
  }

  /// Of the cells' numbers being equal.
  template <class CellOf>
  static double chiSquare(uint64_t count, const CellOf& cell_of) {
    std::vector<double> cells(kCells);
    for (uint64_t i = 0; i < count; ++i)
      ++cells[cell_of(i)];
    const double expected = static_cast<double>(count) / kCells;
    double sum = 0;
    for (const double n : cells)
      sum += (n - expected) * (n - expected) / expected;
    return sum;
  }

  const std::vector<std::vector<uint64_t>> places_ = places();
};

TEST_F(SampleOrderOverEpochs, ARecordStandsAnywhere) {
  for (const std::vector<uint64_t>& of_record : places_) {
    // Of the epoch; within what one block fills.
    EXPECT_LT(chiSquare(kEpochs, [&](uint64_t e) { return of_record[e] * kCells / kRecords; }),
              kMost);
    EXPECT_LT(chiSquare(kEpochs,
                        [&](uint64_t e) {
                          constexpr uint64_t kBlock = SampleOrder::kBlockRecords;
                          return of_record[e] % kBlock * kCells / kBlock;
                        }),
              kMost);
  }
}

TEST_F(SampleOrderOverEpochs, AnEpochTellsNothingOfTheNext) {
  for (const std::vector<uint64_t>& of_record : places_) {
    for (const uint64_t span : {kRecords, SampleOrder::kBlockRecords}) {
      const auto quarter = [&](uint64_t e) { return of_record[e] % span * 4 / span; };
      EXPECT_LT(chiSquare(kEpochs - 1, [&](uint64_t e) { return quarter(e) * 4 + quarter(e + 1); }),
                kMost)
          << span;
    }
  }
}

TEST(SampleOrder, NeighboursAreParted) {
  const std::vector<uint64_t> ids = epochOf(102400, 5, 2);
  size_t together = 0;
  for (size_t k = 1; k < ids.size(); ++k) {
    if (ids[k] == ids[k - 1] + 1) ++together;
  }
  // Both are in a window of 4096, anywhere: a pair in 4096 stays together, 25 of these.
  EXPECT_LT(together, 60U);
}

}  // namespace
}  // namespace sphereface
