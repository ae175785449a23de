// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One training step of a network on random images, by parts. The floor is arithmetic: a step is
// about 3 x 2 x (multiply-adds of the network + embedding x classes) floating-point operations an
// image; "GFLOP/s" is the rate at which that many were done, "the rest" mostly the update. With
// --ceiling the convolutions alone, the same calls on memory of their own, take turns with the
// steps: what a step would take if all else cost nothing.
//
//   build/bin/step_bench --network sphereface-20 --precision bf16 --ceiling

#include <memory>
#include <vector>

#include "base/error.h"
#include "bench/training_step.h"
#include "kernels/cpu/trunk_plan.h"
#include "kernels/processor.h"

namespace {

using namespace sphereface;

/// The convolutions of a step, and nothing else.
class Convolutions {
 public:
  explicit Convolutions(const EngineOptions& options)
      : parameters_(options.network.parameter_count),
        gradients_(options.network.parameter_count),
        plan_(options, parameters_.data(), gradients_.data()) {}

  void run() const {
    for (const TrunkLayer& layer : plan_.layers)
      layer.forward(plan_.stream);
    for (size_t i = plan_.layers.size(); i-- > 0;) {
      plan_.layers[i].backward_parameters(plan_.stream);
      if (i > 0) plan_.layers[i].backward_data(plan_.stream);
    }
  }

 private:
  std::vector<float> parameters_;
  std::vector<float> gradients_;
  TrunkPlan plan_;
};

void measure(bench::Bench& bench) {
  bench::StepOptions step(bench, 32, 5, {"fp32", "bf16"}, {"direct", "fastest"});
  step.engine.threads = bench.option("--threads", 2);
  const bool ceiling = bench.flag("--ceiling");
  bench.start();
  bench.fact({"library", concat(processor().library, ", ", processor().instructions)});
  const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, step.engine);
  if (!ceiling) return bench::measureSteps(bench, step, *engine, 1);
  EngineOptions as_engine = step.engine;
  as_engine.convolution_algorithms = engine->convolutionAlgorithms();
  const Convolutions convolutions(as_engine);
  bench::measureSteps(bench, step, *engine, 1,
                      [&] { return bench::secondsOf([&] { convolutions.run(); }); });
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
