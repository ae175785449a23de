// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/interval.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace sphereface {
namespace {

TEST(Interval, HasItsEndsOrLeavesThemOut) {
  const Interval closed("[0, 1]");
  EXPECT_TRUE(closed.contains(0.0) && closed.contains(-0.0) && closed.contains(1.0));
  EXPECT_FALSE(closed.contains(std::nextafter(1.0, 2.0)) || closed.contains(-1e-300));
  const Interval open("(0, 1) metres");
  EXPECT_FALSE(open.contains(0.0) || open.contains(1.0));
  EXPECT_TRUE(open.contains(std::nextafter(1.0, 0.0)) && open.contains(1e-300));
  const Interval two("[-2, 0) or (0, 3]");
  EXPECT_TRUE(two.contains(-2) && two.contains(3));
  EXPECT_FALSE(two.contains(-3) || two.contains(0) || two.contains(4));
}

TEST(Interval, HasNeitherNanNorInfinities) {
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    EXPECT_FALSE(Interval("[-1e308, 1e308]").contains(value));
    EXPECT_FALSE(Interval("[-1e38, 1e38]").contains(static_cast<float>(value)));
  }
}

TEST(Interval, AnEndIsWhatItIsInTheNumbersType) {
  EXPECT_TRUE(Interval("[0, 0.1]").contains(0.1));
  EXPECT_TRUE(Interval("[0, 0.1]").contains(0.1F));
  EXPECT_TRUE(Interval("[0.7, 1]").contains(0.7));
  EXPECT_TRUE(Interval("[0.7, 1]").contains(0.7F));
}

TEST(Interval, KnowsAllWholeNumbers) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  EXPECT_TRUE(Interval("[0, 18446744073709551615]").contains(kMost));
  EXPECT_FALSE(Interval("[0, 18446744073709551614]").contains(kMost));
  EXPECT_TRUE(Interval("[0, 18446744073709551614]").contains(kMost - 1));
}

TEST(Interval, SaysWhatIsOutside) {
  EXPECT_EQ(Interval("[1, 60] seconds").refusal(numberText(0.5)), "0.5 is outside [1, 60] seconds");
  EXPECT_EQ(numberText(0.1F), "0.1");
  EXPECT_EQ(numberText(std::nan("")), "nan");
}

TEST(Interval, RefusesWhatIsNone) {
  for (const char* text : {"", "seconds", "[1, 2", "1, 2]", "[2, 1]", "[1 2]", "[nan, 1]",
                           "[0, inf]", "[0, 1] or ", "[0, 1] or 3"}) {
    EXPECT_THROW(Interval{text}, Error) << text;
  }
}

}  // namespace
}  // namespace sphereface
