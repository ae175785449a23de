// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "kernels/cpu/panel_gemm.h"
#include "kernels/cpu/vector_exp.h"

namespace sphereface {
namespace {

TEST(VectorExp, IsWithinTwoUnitsInTheLastPlace) {
  double worst = 0;
  for (int step = 0; step <= 1000000; ++step) {
    const float x = -87.33F + static_cast<float>(step) * 88.0e-6F;
    const double want = std::exp(static_cast<double>(x));
    const auto rounded = static_cast<float>(want);
    const double unit = static_cast<double>(std::nextafter(rounded, INFINITY)) - rounded;
    worst = std::max(worst, std::abs(vectorExp(x) - want) / unit);
  }
  EXPECT_LT(worst, 2);
}

TEST(VectorExp, SpecialValues) {
  EXPECT_EQ(vectorExp(0), 1);
  EXPECT_EQ(vectorExp(-88), 0);
  EXPECT_EQ(vectorExp(-1e4F), 0);
  EXPECT_EQ(vectorExp(-3e38F), 0);
  EXPECT_EQ(vectorExp(-std::numeric_limits<float>::infinity()), 0);
  EXPECT_TRUE(std::isnan(vectorExp(std::numeric_limits<float>::quiet_NaN())));
}

std::vector<float> randomFloats(size_t count, Random& random) {
  std::vector<float> values(count);
  for (float& value : values)
    value = static_cast<float>(random.normal());
  return values;
}

TEST(PanelGemm, FollowsItsDefinitionOnOddShapes) {
  Random random(5);
  for (const int rows : {1, 3, 6, 13, 127}) {
    for (const int columns : {1, 3, 16, 31, 64, 127, 200}) {
      for (const int depth : {1, 3, 13, 64}) {
        for (const bool transposed : {false, true}) {
          for (const bool accumulate : {false, true}) {
            auto size = [](int a, int b) {
              return static_cast<size_t>(a) * static_cast<size_t>(b);
            };
            const std::vector<float> a = randomFloats(size(rows, depth), random);
            const std::vector<float> b = randomFloats(size(depth, columns), random);
            std::vector<float> c = randomFloats(size(rows, columns), random);
            const std::vector<float> before = c;
            PanelGemm gemm;
            gemm.rows = rows;
            gemm.columns = columns;
            gemm.depth = depth;
            gemm.a = a.data();
            gemm.a_row = transposed ? 1 : depth;
            gemm.a_depth = transposed ? rows : 1;
            gemm.b = b.data();
            gemm.b_panel = PanelGemm::kPanel;
            gemm.b_depth = columns;
            gemm.c = c.data();
            gemm.c_row = columns;
            gemm.accumulate = accumulate;
            panelGemm(gemm);
            for (int r = 0; r < rows; ++r) {
              for (int q = 0; q < columns; ++q) {
                const size_t at = static_cast<size_t>(r * columns + q);
                double want = accumulate ? before[at] : 0;
                for (int k = 0; k < depth; ++k) {
                  want += static_cast<double>(
                              a[static_cast<size_t>(r * gemm.a_row + k * gemm.a_depth)]) *
                          b[static_cast<size_t>(k * columns + q)];
                }
                ASSERT_NEAR(c[at], want, 2e-5) << rows << "x" << columns << "x" << depth;
              }
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace sphereface
