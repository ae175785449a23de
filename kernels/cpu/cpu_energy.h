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

/// The energy of `rows` (kernels/hyperspherical_energy.h), and weight * its gradient on the sphere
/// added to the rows' gradients.
/// Each row of a pair has half of it; returned are the halves of rows that have a gradient, the sum
/// over ranks being the mean.
/// requires: rows of unit length; energies has rows.size() elements (scratch).
double addHypersphericalEnergy(std::span<const EnergyRow> rows, int dim, float weight,
                               std::span<double> energies);

}  // namespace sphereface
