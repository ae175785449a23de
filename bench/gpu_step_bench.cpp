// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One training step of a network on a GPU, on random images from the host's memory, by parts. The
// floor is arithmetic, as in step_bench.cpp.
//
//   build/gpu/bin/gpu_step_bench --network sphereface-64 --batch 512 --graphs off
//
// "The rest" is the update and whatever the passes' own clocks don't see.

#include "bench/training_step.h"
#include "kernels/cuda/cuda_engine.h"

namespace {

using namespace sphereface;

void measure(bench::Bench& bench) {
  bench::StepOptions step(bench, 512, 50, {"bf16", "tf32", "fp32"}, {"fastest", "direct"});
  step.engine.cuda_graphs = bench.choice("--graphs", {"on", "off"}) == "on";
  bench.start();
  bench::measureSteps(bench, step, *makeCudaEngine(step.engine), 3);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
