// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The curves of a result file of the MegaFace development kit, with its fp32 arithmetic and its
// rules for leaving points out. x and y have equally many points.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sphereface {

struct Curve {
  std::vector<double> x;
  std::vector<double> y;
};

/// "cmc": counts[k] searches have k distractors above the mate. Cumulated and divided by the last
/// in fp32; a point at k where the rate rose by >= 0.01 since the last point, and the last one. x =
/// 0 is rank 1. requires: one search or more.
Curve devkitCmc(std::span<const uint64_t> counts);

/// "traditional_cmc": each count divided by their sum and then cumulated in fp32, which may end
/// below 1; a point where the rate rose by > 0.01.
Curve devkitTraditionalCmc(std::span<const uint64_t> counts);

/// "roc": above[p] negatives score strictly higher than positive p. At f = 0, 1, ..., `negatives`
/// the rate is the share of positives with above <= f, in fp32, and x = f / negatives; a point
/// where the rate rose by > 0.01, and the last one. requires: one positive and one negative or
/// more.
Curve devkitRoc(std::vector<uint64_t> above, uint64_t negatives);

/// floor(far negatives): so many negatives may be accepted at that FAR.
uint64_t devkitFalseAccepts(uint64_t negatives, double far);

/// Of the same counts the rate at f = devkitFalseAccepts().
double devkitTarAtFar(std::span<const uint64_t> above, uint64_t negatives, double far);

/// How the kit draws a gallery image: libstdc++'s minstd_rand0 and uniform_int_distribution.
class DevkitDraw {
 public:
  /// 0 .. count-1. requires: count > 0.
  size_t below(size_t count);

 private:
  uint64_t state_ = 1;
};

}  // namespace sphereface
