// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/train_config.h"

namespace sphereface {

double learningRate(const SolverConfig& solver, uint64_t step) {
  const uint64_t warmup = solver.warmup_steps();
  const double base = solver.base_learning_rate();
  if (step < warmup) return base * static_cast<double>(step + 1) / static_cast<double>(warmup);
  switch (solver.policy()) {
    case SolverConfig::FIXED:
      return base;
    case SolverConfig::MULTISTEP: {
      const auto passed = std::count_if(solver.step_value().begin(), solver.step_value().end(),
                                        [step](uint64_t value) { return value <= step; });
      return base * std::pow(solver.gamma(), static_cast<double>(passed));
    }
    case SolverConfig::COSINE: {
      if (solver.steps() <= warmup) return base;
      const double share =
          static_cast<double>(step - warmup) / static_cast<double>(solver.steps() - warmup);
      return base * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, share)));
    }
  }
  return base;
}

double lambdaAt(const HeadConfig::Lambda& lambda, uint64_t n) {
  const auto count = static_cast<double>(n + lambda.start());
  return std::max(lambda.minimum(),
                  lambda.base() * std::pow(1 + lambda.gamma() * count, -lambda.power()));
}

HeadStep headStepAt(const HeadConfig& head, uint64_t step, uint64_t forward_passes) {
  HeadStep result{.margin = headMargin(head)};
  if (head.type() == HeadConfig::A_SOFTMAX) {
    result.lambda = lambdaAt(head.lambda(), forward_passes);
  }
  if (step < head.margin_warmup_steps()) {
    const bool multiplies =
        head.type() == HeadConfig::SPHEREFACE_R_V1 || head.type() == HeadConfig::SPHEREFACE_R_V2;
    const double start = multiplies ? 1 : 0;
    result.margin = start + (result.margin - start) * static_cast<double>(step) /
                                static_cast<double>(head.margin_warmup_steps());
  }
  return result;
}

}  // namespace sphereface
