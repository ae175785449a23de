// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <span>

namespace sphereface {

/// A row of W, and where its gradient goes: nowhere where it is another rank's.
struct EnergyRow {
  const float* w = nullptr;
  float* dw = nullptr;
};

/// Hyperspherical energy of rows of W (MHE; SphereFace+ as OpenSphere has it): the mean over pairs
/// of `rows` of theta^-2, theta the angle in radians, and weight * its gradient on the sphere added
/// to the rows' gradients. As there, a cosine beyond 1 - 1e-5 counts as that and has no gradient.
/// Each row of a pair has half of it; returned are the halves of rows that have a gradient, the sum
/// over ranks being the mean.
/// requires: rows of unit length; energies has rows.size() elements (scratch).
double addHypersphericalEnergy(std::span<const EnergyRow> rows, int dim, float weight,
                               std::span<double> energies);

}  // namespace sphereface
