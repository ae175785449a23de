// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "bench/training_step.h"

#include <cstdio>
#include <iostream>

#include "base/random.h"
#include "base/statistics.h"
#include "model/initialize.h"
#include "model/network_table.h"

namespace sphereface::bench {
namespace {

PassStats takeStep(Engine& engine, const RandomBatch& batch) {
  engine.announce(batch.images);
  const PassStats stats = engine.forwardBackward(
      batch.images, batch.labels, {4, 1000}, 1.0F / static_cast<float>(batch.labels.size()), false);
  engine.update({1e-3, 0.9, 5e-4});
  return stats;
}

void serveRequests(Engine& engine, const RandomBatch& batch) {
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("%f\n", 1e3 * secondsOf([&] { takeStep(engine, batch); }));
    std::fflush(stdout);
  }
  std::printf("bytes %zu\n", engine.memory().total());
}

}  // namespace

RandomBatch::RandomBatch(const Network& network, int batch, int classes)
    : images(network.imageBytes() * static_cast<size_t>(batch)),
      labels(static_cast<size_t>(batch)) {
  Random random(1);
  for (uint8_t& byte : images)
    byte = static_cast<uint8_t>(random.below(256));
  for (int32_t& label : labels)
    label = static_cast<int32_t>(random.below(static_cast<uint64_t>(classes)));
}

StepOptions::StepOptions(Bench& bench, int standard_batch, int standard_steps,
                         const std::vector<std::string>& precisions,
                         const std::vector<std::string>& convolutions) {
  const std::string network = bench.option("--network", std::string("sphereface-20"));
  engine.network = buildNetwork(NetworkTable{.name = network});
  engine.classes = bench.option("--classes", 10572);
  engine.batch = bench.option("--batch", standard_batch);
  const std::string precision = bench.choice("--precision", precisions);
  engine.precision = precision == "bf16"   ? Precision::kBf16
                     : precision == "tf32" ? Precision::kTf32
                                           : Precision::kFp32;
  const std::string convolution = bench.choice("--convolution", convolutions);
  engine.convolution = convolution == "fastest" ? Convolution::kFastest : Convolution::kDirect;
  steps = bench.option("--steps", standard_steps);
  on_request = bench.flag("--on-request");
}

void measureSteps(Bench& bench, const StepOptions& options, Engine& engine, int warm_up,
                  const std::function<double()>& alone) {
  const Network& network = options.engine.network;
  const int images = options.engine.batch;
  const int classes = options.engine.classes;
  initializeWeights(network, 0, 1, engine);
  const RandomBatch batch(network, images, classes);
  if (options.on_request) return serveRequests(engine, batch);

  for (const std::string& note : engine.notes())
    bench.fact({"engine", note});
  std::vector<PassStats> passes;
  std::vector<Contender> contenders = {
      {"step", [&] { return secondsOf([&] { passes.push_back(takeStep(engine, batch)); }); }}};
  if (alone) contenders.push_back({"alone", alone});
  takeTurns(contenders, {.rounds = options.steps, .warm_up = warm_up});
  passes.erase(passes.begin(), passes.begin() + warm_up);

  const Contender& step = contenders[0];
  const auto median_of = [&](const auto& part) {
    std::vector<double> values;
    for (size_t i = 0; i < passes.size(); ++i)
      values.push_back(part(passes[i], step.seconds[i]));
    return sphereface::median(values);
  };
  const auto forward = [](const PassStats& pass, double) { return pass.forward_seconds; };
  const auto head = [](const PassStats& pass, double) { return pass.head_seconds; };
  const auto backward = [](const PassStats& pass, double) { return pass.backward_seconds; };
  const auto rest = [](const PassStats& pass, double seconds) {
    return seconds - pass.forward_seconds - pass.head_seconds - pass.backward_seconds;
  };
  const double flop = 6.0 * (static_cast<double>(multiplyAdds(network)) +
                             static_cast<double>(network.embedding) * classes);
  bench.row("step", {{"images/s", images / step.median(), 1},
                     {"ms", 1e3 * step.median(), 2},
                     {"least ms", 1e3 * step.shortest(), 2},
                     {"most ms", 1e3 * step.longest(), 2},
                     {"forward ms", 1e3 * median_of(forward), 2},
                     {"head ms", 1e3 * median_of(head), 2},
                     {"backward ms", 1e3 * median_of(backward), 2},
                     {"the rest ms", 1e3 * median_of(rest), 2},
                     {"GFLOP/s", 1e-9 * flop * images / step.median()},
                     {"buffers MB", 1e-6 * static_cast<double>(engine.memory().total())}});
  if (!alone) return;
  const double only = contenders[1].median();
  bench.row("convolutions alone", {{"convolutions alone, images/s", images / only, 1},
                                   {"the step keeps %", 100 * only / step.median()}});
}

}  // namespace sphereface::bench
