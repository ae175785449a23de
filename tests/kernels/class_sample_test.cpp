// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/class_sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace sphereface {
namespace {

constexpr int kFirst = 100;
constexpr int kClasses = 127;
constexpr int kDim = 3;

std::vector<float> numbered() {
  std::vector<float> values(static_cast<size_t>(kClasses) * kDim);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

TEST(ClassSample, HasTheLabelsAndFillsUpWithOthers) {
  ClassSample sample(kFirst, kClasses, kDim, 0.1, 6);
  EXPECT_EQ(sample.size(), 13);
  // Two of one class, two of other ranks' classes.
  const std::vector<int32_t> labels = {150, 226, 150, 99, 100, 227};
  std::map<int32_t, int> times;
  std::set<std::vector<int32_t>> different;
  const std::vector<float> W = numbered();
  for (uint64_t key = 0; key < 2000; ++key) {
    sample.choose(labels, key, W);
    const std::vector<int32_t> rows(sample.rows().begin(), sample.rows().end());
    ASSERT_TRUE(std::ranges::is_sorted(rows));
    ASSERT_EQ(std::ranges::adjacent_find(rows), rows.end());
    for (size_t i = 0; i < labels.size(); ++i) {
      const int32_t place = sample.labels()[i];
      if (labels[i] < kFirst || labels[i] >= kFirst + kClasses) {
        ASSERT_EQ(place, -1);
      } else {
        ASSERT_EQ(rows[static_cast<size_t>(place)], labels[i] - kFirst);
      }
    }
    for (size_t i = 0; i < rows.size(); ++i)
      ASSERT_EQ(sample.arena().parameters[i * kDim], W[static_cast<size_t>(rows[i]) * kDim]);
    for (const int32_t row : rows)
      ++times[row];
    different.insert(rows);
  }
  EXPECT_EQ(different.size(), 2000U);
  // Ten of the 124 others, each as likely as any.
  for (int32_t row = 0; row < kClasses; ++row) {
    const bool positive = row == 0 || row == 50 || row == 126;
    EXPECT_NEAR(times[row], positive ? 2000 : 2000 * 10 / 124.0, positive ? 0 : 60) << row;
  }
}

TEST(ClassSample, TheSameKeyChoosesTheSame) {
  ClassSample one(kFirst, kClasses, kDim, 0.3, 2);
  ClassSample two(kFirst, kClasses, kDim, 0.3, 2);
  const std::vector<int32_t> labels = {101, 102};
  const std::vector<float> W = numbered();
  two.choose({labels.data(), 1}, 3, W);
  one.choose(labels, 8, W);
  two.choose(labels, 8, W);
  EXPECT_TRUE(std::ranges::equal(one.rows(), two.rows()));
}

TEST(ClassSample, OfAllClassesIsAll) {
  ClassSample sample(0, 5, kDim, 0.2, 9);
  EXPECT_EQ(sample.size(), 5) << "nine images may have labels of all";
  const std::vector<int32_t> labels = {0, 4, 4, 4, 4, 4, 4, 4, 4};
  sample.choose(labels, 1, {numbered().data(), 5 * kDim});
  EXPECT_EQ(sample.rows()[4], 4);
}

TEST(ClassSample, PutsBackWhatItTookAndTouchesNothingElse) {
  ClassSample sample(kFirst, kClasses, kDim, 0.1, 1);
  const std::vector<int32_t> labels = {130};
  const std::vector<float> before = numbered();
  std::vector<float> after = before;
  sample.choose(labels, 5, before);
  for (float& value : sample.arena().parameters)
    value = -value - 1;
  sample.put(sample.arena().parameters, after);
  size_t changed = 0;
  for (size_t k = 0; k < after.size(); ++k) {
    EXPECT_TRUE(after[k] == before[k] || after[k] == -before[k] - 1);
    changed += after[k] != before[k] ? 1 : 0;
  }
  EXPECT_EQ(changed, 13U * kDim);
}

}  // namespace
}  // namespace sphereface
