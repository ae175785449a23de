// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/text_table.h"

#include <gtest/gtest.h>

#include "report/numbers.h"

namespace sphereface {
namespace {

TEST(TextTable, HasTextsOnTheSideThatAColumnSays) {
  TextTable table({-6, 5, 0});
  table.row({"run", "step", " note"});
  table.row({"longer name", "7"});
  EXPECT_EQ(table.text(),
            "run    step note\n"
            "longer name    7\n");
}

TEST(Numbers, DeviationsAreOfAllAndOfASample) {
  const Spread spread = spreadOf(std::vector<double>{1, 2, 3, 6});
  EXPECT_EQ(spread.mean, 3);
  EXPECT_DOUBLE_EQ(spread.deviation * spread.deviation, 14.0 / 4);
  EXPECT_DOUBLE_EQ(spread.sample_deviation * spread.sample_deviation, 14.0 / 3);
  EXPECT_EQ(spreadOf(std::vector<double>{5}).sample_deviation, 0);
  EXPECT_EQ(percent(0.993), "99.30 %");
  EXPECT_EQ(percent(0.25, 0), "25 %");
}

TEST(TextTable, ShowsControlCharactersOfNames) {
  TextTable table({-8, 3});
  table.row({"a\x1b[2J\n", "1"});
  EXPECT_EQ(table.text(), "a\\x1b[2J\\x0a  1\n");
}

}  // namespace
}  // namespace sphereface
