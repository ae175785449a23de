// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Hyperspherical energy of rows of W (MHE; Liu et al., 2018; SphereFace+ as OpenSphere has it): the
// mean over pairs of classes of theta^-2, theta the angle in radians. As there, a cosine beyond
// 1 - 1e-5 counts as that and has no gradient.

#pragma once

#include <cmath>

#include "kernels/host_device.h"

namespace sphereface {

constexpr float kLargestEnergyCosine = 1 - 1e-5F;

/// What a pair of rows w, v adds to w's sums: dw takes slope v - along w.
struct PairEnergy {
  double energy = 0;
  float slope = 0;
  double along = 0;
};

/// weight: of the pair's theta^-2 in the loss.
SPHEREFACE_HOST_DEVICE inline PairEnergy pairEnergy(float cosine, double weight) {
  const bool clamped = std::fabs(cosine) > kLargestEnergyCosine;
  const float used = clamped ? std::copysign(kLargestEnergyCosine, cosine) : cosine;
  const auto c = static_cast<double>(used);
  const double theta = std::acos(c);
  PairEnergy pair;
  pair.energy = 1 / (theta * theta);
  if (clamped) return pair;
  // d theta^-2 / d cos(theta)
  const double slope = weight * 2 / (theta * theta * theta * std::sqrt(1 - c * c));
  pair.slope = static_cast<float>(slope);
  pair.along = slope * c;
  return pair;
}

}  // namespace sphereface
