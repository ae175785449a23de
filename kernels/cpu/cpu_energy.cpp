// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/cpu_energy.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "base/target_clones.h"
#include "kernels/hyperspherical_energy.h"

namespace sphereface {
namespace {

SPHEREFACE_TARGET_CLONES float dot(const float* a, const float* b, int count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int k = 0; k < count; ++k)
    sum += a[k] * b[k];
  return sum;
}

SPHEREFACE_TARGET_CLONES void addScaled(float factor, const float* from, int count, float* to) {
  for (int k = 0; k < count; ++k)
    to[k] += factor * from[k];
}

/// theta^-2 of one row with all others, and the gradient of the mean in that row.
double rowEnergy(std::span<const EnergyRow> rows, size_t own, int dim, double weight) {
  const auto& [w, dw] = rows[own];
  double energy = 0;
  double along = 0;
  for (size_t k = 0; k < rows.size(); ++k) {
    if (k == own) continue;
    const float* const other = rows[k].w;
    const PairEnergy pair = pairEnergy(dot(w, other, dim), weight);
    energy += pair.energy;
    if (pair.slope == 0) continue;
    addScaled(pair.slope, other, dim, dw);
    along += pair.along;
  }
  addScaled(static_cast<float>(-along), w, dim, dw);
  return energy;
}

}  // namespace

double addHypersphericalEnergy(std::span<const EnergyRow> rows, int dim, float weight,
                               std::span<double> energies) {
  const auto n = static_cast<double>(rows.size());
  if (n < 2) return 0;
#pragma omp parallel for schedule(static)
  for (size_t own = 0; own < rows.size(); ++own) {
    const bool here = rows[own].dw != nullptr;
    energies[own] = here ? rowEnergy(rows, own, dim, weight * 2 / (n * (n - 1))) : 0;
  }
  return std::accumulate(energies.begin(), energies.begin() + static_cast<ptrdiff_t>(rows.size()),
                         0.0) /
         (n * (n - 1));
}

}  // namespace sphereface
