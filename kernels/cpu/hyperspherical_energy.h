// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <span>

namespace sphereface {

/// Hyperspherical energy of rows of W (MHE; SphereFace+ as OpenSphere has it): the mean over pairs
/// of `rows` of theta^-2, theta the angle in radians, and weight * its gradient on the sphere added
/// to those rows of dW. As there, a cosine beyond 1 - 1e-5 counts as that and has no gradient.
/// requires: W's rows have unit length; `rows` differ; energies has rows.size() elements (scratch).
double addHypersphericalEnergy(std::span<const int32_t> rows, int dim, float weight, const float* W,
                               float* dW, std::span<double> energies);

}  // namespace sphereface
