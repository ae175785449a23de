// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/divergence_guard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sphereface {
namespace {

TEST(DivergenceGuard, OnlyWhatIsNotFiniteByDefault) {
  DivergenceGuard guard(SolverConfig(), std::nullopt);
  EXPECT_FALSE(guard.diverged(1e30));
  guard.add(1);
  EXPECT_FALSE(guard.diverged(1e30));
  EXPECT_TRUE(guard.diverged(std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(guard.diverged(std::nan("")));
}

TEST(DivergenceGuard, AnExplosionIsManyTimesTheRunningMean) {
  SolverConfig solver;
  solver.set_explosion(3);
  DivergenceGuard guard(solver, std::nullopt);
  EXPECT_FALSE(guard.diverged(100)) << "nothing to compare with";
  guard.add(10);
  EXPECT_FALSE(guard.diverged(29.9));
  EXPECT_TRUE(guard.diverged(30.1));
  for (int step = 0; step < 1000; ++step)
    guard.add(1);
  EXPECT_NEAR(*guard.mean(), 1, 1e-3);
  EXPECT_TRUE(guard.diverged(3.1));

  // What a resumed run goes on with.
  EXPECT_TRUE(DivergenceGuard(solver, guard.mean()).diverged(3.1));
}

}  // namespace
}  // namespace sphereface
