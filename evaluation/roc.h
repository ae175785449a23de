// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Receiver operating characteristic of verification scores. A pair is accepted when its score is at
// least the threshold; thresholds are the scores that occur, so pairs with equal scores are
// accepted together and there is one point per distinct score.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sphereface {

struct RocPoint {
  double threshold = 0;
  double far = 0;  // false accept rate: accepted pairs of different people / all such pairs
  double tar = 0;  // true accept rate: accepted pairs of the same person / all such pairs
};

/// Points by falling threshold, from (infinity, 0, 0) to (lowest score, 1, 1).
/// requires: finite scores. errors: Error when either list is empty.
std::vector<RocPoint> rocCurve(std::span<const double> same_scores,
                               std::span<const double> different_scores);

/// The same when only the highest of `different_total` scores of different people are known, as far
/// as they determine it: to the last threshold above the lowest of them.
std::vector<RocPoint> rocCurve(std::span<const double> same_scores,
                               std::span<const double> highest_different, uint64_t different_total);

/// Area under the straight lines between the points; equals the probability that a pair of the same
/// person scores higher than one of different people, a tie counting half (Mann-Whitney).
double rocArea(std::span<const RocPoint> roc);

/// The rate where FAR = 1 - TAR on the straight lines between the points.
double equalErrorRate(std::span<const RocPoint> roc);

/// The highest TAR of the points with FAR <= `far`: no interpolation, so it is a rate that some
/// threshold reaches. With 3,000 pairs of different people, FAR <= 1e-3 means at most 3 accepted.
double tarAtFar(std::span<const RocPoint> roc, double far);

}  // namespace sphereface
