// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What follows from the configuration, the data set's size and the step alone: a run's length, its
// learning rate and lambda. Nothing here has a memory, so a resumed run has the same schedule.

#pragma once

#include <cstdint>

#include "kernels/head.h"
#include "proto/config.pb.h"

namespace sphereface {

/// How long a run is, and what one optimiser step of it is in images and epochs.
struct RunLength {
  uint64_t steps = 0;
  uint64_t images_per_step = 0;  // batch_size x iter_size, over all workers
  uint64_t records = 0;          // images of an epoch

  /// Images and epochs trained on after `step` steps.
  uint64_t images(uint64_t step) const { return step * images_per_step; }
  double epochs(uint64_t step) const {
    return static_cast<double>(images(step)) / static_cast<double>(records);
  }
};

/// solver.steps, or as many steps as solver.epochs or solver.images need, rounded up.
/// requires: records > 0, a checked configuration.
RunLength runLength(const SolverConfig& solver, uint64_t records);

/// Learning rate of optimiser step `step`, counted from 0, as Caffe's policies of the same names
/// have it: MULTISTEP and STEP drop at the step itself, POLY reaches 0 at the end of the run.
/// COSINE (not Caffe's) falls from the end of the warm-up to 0 at the end of the run. The warm-up
/// multiplies by a line that reaches 1 in its last step.
double learningRate(const SolverConfig& solver, const RunLength& length, uint64_t step);

/// solver.warmup in steps; not always a whole number.
double warmupSteps(const SolverConfig& solver, const RunLength& length);

/// lambda of a forward pass: max(minimum, base (1 + gamma n)^-power) (SphereFace's annealing, as
/// released), with n = forward_passes or, with lambda.images_per_iteration, images divided by it.
/// Both counts include the pass itself.
double lambdaAt(const HeadConfig::Lambda& lambda, uint64_t forward_passes, uint64_t images);

/// Margin and lambda of a pass: `step` counted from 0, the others as in lambdaAt. The margin of
/// COSFACE, ARCFACE (from 0) and SPHEREFACE_R_* (from 1) rises linearly over
/// head.margin_warmup_steps; lambda is 0 for all but A_SOFTMAX.
HeadStep headStepAt(const HeadConfig& head, uint64_t step, uint64_t forward_passes,
                    uint64_t images);

}  // namespace sphereface
