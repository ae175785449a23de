// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>

#include "kernels/head.h"
#include "proto/config.pb.h"

namespace sphereface {

/// Learning rate of optimiser step `step`, counted from 0. Caffe's "multistep": the rate drops at
/// the step whose number is a step_value. COSINE falls from the base rate at the end of the warm-up
/// to 0 at solver.steps.
double learningRate(const SolverConfig& solver, uint64_t step);

/// lambda of the n-th forward pass, counted from 1:
/// max(minimum, base (1 + gamma n)^-power) (SphereFace's annealing, as released).
double lambdaAt(const HeadConfig::Lambda& lambda, uint64_t n);

/// Margin and lambda of the pass: `forward_passes` counted from 1, `step` from 0. The margin of
/// COSFACE, ARCFACE (from 0) and SPHEREFACE_R_* (from 1) rises linearly over
/// head.margin_warmup_steps; lambda is 0 for all but A_SOFTMAX.
HeadStep headStepAt(const HeadConfig& head, uint64_t step, uint64_t forward_passes);

}  // namespace sphereface
