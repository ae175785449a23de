// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>

#include "proto/config.pb.h"

namespace sphereface {

/// Learning rate of optimiser step `step`, counted from 0. Caffe's "multistep": the rate drops at
/// the step whose number is a step_value. COSINE falls from the base rate at the end of the warm-up
/// to 0 at solver.steps.
double learningRate(const SolverConfig& solver, uint64_t step);

/// lambda of the n-th forward pass, counted from 1:
/// max(minimum, base (1 + gamma n)^-power) (SphereFace's annealing, as released).
double lambdaAt(const HeadConfig::Lambda& lambda, uint64_t n);

}  // namespace sphereface
