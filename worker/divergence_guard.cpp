// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/divergence_guard.h"

#include <cmath>

namespace sphereface {
namespace {

constexpr double kShareOfOneLoss = 0.01;

}  // namespace

DivergenceGuard::DivergenceGuard(const SolverConfig& solver, std::optional<double> mean)
    : explosion_(solver.explosion()), mean_(mean) {}

bool DivergenceGuard::diverged(double loss) const {
  return !std::isfinite(loss) || (explosion_ > 0 && mean_ && loss > explosion_ * *mean_);
}

void DivergenceGuard::add(double loss) {
  mean_ = mean_ ? *mean_ + kShareOfOneLoss * (loss - *mean_) : loss;
}

}  // namespace sphereface
