// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/train_config.h"

namespace sphereface {
namespace {

// Fractions of epochs aren't exact in binary: what is this near to a boundary has reached it.
constexpr double kRounding = 1e-12;

/// One step in solver.unit.
double unitsPerStep(const SolverConfig& solver, const RunLength& length) {
  switch (solver.unit()) {
    case SolverConfig::STEPS:
      return 1;
    case SolverConfig::EPOCHS:
      return length.epochs(1);
    case SolverConfig::IMAGES:
      return static_cast<double>(length.images_per_step);
  }
  return 1;
}

}  // namespace

RunLength runLength(const SolverConfig& solver, uint64_t records) {
  RunLength length;
  length.records = records;
  length.images_per_step = static_cast<uint64_t>(solver.batch_size()) * solver.iter_size();
  if (solver.has_steps()) {
    length.steps = solver.steps();
    return length;
  }
  const double images = solver.has_epochs() ? solver.epochs() * static_cast<double>(records)
                                            : static_cast<double>(solver.images());
  const double steps = images / static_cast<double>(length.images_per_step);
  length.steps = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(steps * (1 - kRounding))));
  return length;
}

double warmupSteps(const SolverConfig& solver, const RunLength& length) {
  return solver.warmup() / unitsPerStep(solver, length);
}

double learningRate(const SolverConfig& solver, const RunLength& length, uint64_t step) {
  const auto at = static_cast<double>(step);
  const auto end = static_cast<double>(length.steps);
  const double position = at * unitsPerStep(solver, length) * (1 + kRounding);
  const double warmup = warmupSteps(solver, length);
  double rate = solver.base_learning_rate();
  if (at < warmup) rate *= std::min(1.0, (at + 1) / warmup);
  switch (solver.policy()) {
    case SolverConfig::FIXED:
      return rate;
    case SolverConfig::STEP:
      return rate * std::pow(solver.gamma(), std::floor(position / solver.stepsize()));
    case SolverConfig::MULTISTEP: {
      const auto passed = std::count_if(solver.step_value().begin(), solver.step_value().end(),
                                        [position](double value) { return value <= position; });
      return rate * std::pow(solver.gamma(), static_cast<double>(passed));
    }
    case SolverConfig::POLY:
      return rate * std::pow(std::max(0.0, 1 - at / end), solver.power());
    case SolverConfig::COSINE: {
      if (at <= warmup || end <= warmup) return rate;
      const double share = std::min(1.0, (at - warmup) / (end - warmup));
      return rate * 0.5 * (1 + std::cos(std::numbers::pi * share));
    }
  }
  return rate;
}

double lambdaAt(const HeadConfig::Lambda& lambda, uint64_t forward_passes, uint64_t images) {
  double n = static_cast<double>(lambda.start());
  if (lambda.images_per_iteration() == 0) {
    n += static_cast<double>(forward_passes);
  } else {
    n += static_cast<double>(images) / static_cast<double>(lambda.images_per_iteration());
  }
  return std::max(lambda.minimum(),
                  lambda.base() * std::pow(1 + lambda.gamma() * n, -lambda.power()));
}

HeadStep headStepAt(const HeadConfig& head, uint64_t step, uint64_t forward_passes,
                    uint64_t images) {
  HeadStep result{.margin = headMargin(head)};
  if (head.type() == HeadConfig::A_SOFTMAX) {
    result.lambda = lambdaAt(head.lambda(), forward_passes, images);
  }
  if (step < head.margin_warmup_steps()) {
    const double start = leastMargin(head);
    result.margin = start + (result.margin - start) * static_cast<double>(step) /
                                static_cast<double>(head.margin_warmup_steps());
  }
  return result;
}

}  // namespace sphereface
