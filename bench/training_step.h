// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A training step on random images, which step_bench and gpu_step_bench measure on their devices.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/harness.h"
#include "kernels/engine.h"

namespace sphereface::bench {

struct RandomBatch {
  RandomBatch(const Network& network, int batch, int classes);

  std::vector<uint8_t> images;
  std::vector<int32_t> labels;
};

struct StepOptions {
  /// Asks for them; the first of several is the default.
  StepOptions(Bench& bench, int standard_batch, int standard_steps,
              const std::vector<std::string>& precisions,
              const std::vector<std::string>& convolutions);

  EngineOptions engine;
  int steps;
  bool on_request;
};

/// Gives the engine random weights and tells the medians of its steps and of their parts, images a
/// second, and the rate at which the floating-point operations were done that a step can't do
/// without, 3 x 2 x (multiply-adds of the network + embedding x classes) an image. `warm_up` steps
/// before aren't counted. With --on-request instead one step for each line on standard input, whose
/// milliseconds are printed, and at the end "bytes N", the memory of the engine's buffers.
/// alone: seconds of a part that takes turns with the steps; how much of a step it is is told, too.
void measureSteps(Bench& bench, const StepOptions& options, Engine& engine, int warm_up,
                  const std::function<double()>& alone = {});

}  // namespace sphereface::bench
