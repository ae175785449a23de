// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <optional>

#include "proto/config.pb.h"

namespace sphereface {

/// Which steps' losses are those of a training that diverges. The same on every worker, as all
/// judge the same numbers.
class DivergenceGuard {
 public:
  /// `mean`: what an earlier part of the run ended with.
  DivergenceGuard(const SolverConfig& solver, std::optional<double> mean);

  /// Not finite, or solver.explosion times the running mean of the losses before.
  bool diverged(double loss) const;
  /// A loss that hasn't diverged joins the mean.
  void add(double loss);

  std::optional<double> mean() const { return mean_; }

 private:
  double explosion_;
  std::optional<double> mean_;
};

}  // namespace sphereface
