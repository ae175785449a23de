// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One training step of a network on random images, by parts. The floor is arithmetic: a step is
// about 3 x 2 x (multiply-adds of the network + embedding x classes) floating-point operations an
// image; the last column is the rate at which that many were done. With --ceiling the convolutions
// alone, the same calls on memory of their own, take turns with the steps: what a step would take
// if all else cost nothing.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/cpu/trunk_plan.h"
#include "kernels/engine.h"
#include "model/initialize.h"
#include "model/network_table.h"

namespace {

using namespace sphereface;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// The convolutions of a step, and nothing else.
class Convolutions {
 public:
  Convolutions(const EngineOptions& options, const std::string& algorithms)
      : parameters_(options.network.parameter_count),
        gradients_(options.network.parameter_count),
        plan_(withAlgorithms(options, algorithms), parameters_.data(), gradients_.data()) {}

  double seconds() const {
    const auto start = std::chrono::steady_clock::now();
    for (const TrunkLayer& layer : plan_.layers)
      layer.forward(plan_.stream);
    for (size_t i = plan_.layers.size(); i-- > 0;) {
      plan_.layers[i].backward_parameters(plan_.stream);
      if (i > 0) plan_.layers[i].backward_data(plan_.stream);
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  static EngineOptions withAlgorithms(EngineOptions options, const std::string& algorithms) {
    options.convolution_algorithms = algorithms;
    return options;
  }

  std::vector<float> parameters_;
  std::vector<float> gradients_;
  TrunkPlan plan_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Times one training step of a network on random images.", "step_bench");
  std::string name = "sphereface-20";
  std::string precision = "fp32";
  EngineOptions options;
  options.classes = 10572;
  options.batch = 32;
  options.threads = 2;
  int steps = 5;
  app.add_option("--network", name)->capture_default_str();
  app.add_option("--precision", precision)->check(CLI::IsMember({"fp32", "bf16"}));
  std::string convolution = "direct";
  app.add_option("--convolution", convolution)->check(CLI::IsMember({"direct", "fastest"}));
  app.add_option("--classes", options.classes)->capture_default_str();
  app.add_option("--batch", options.batch)->capture_default_str();
  app.add_option("--threads", options.threads)->capture_default_str();
  app.add_option("--steps", steps)->capture_default_str();
  bool on_request = false;
  app.add_flag("--on-request", on_request,
               "One step for each line on standard input; prints its milliseconds.");
  bool ceiling = false;
  app.add_flag("--ceiling", ceiling, "Time the convolutions alone, too");
  CLI11_PARSE(app, argc, argv);

  options.network = buildNetwork(NetworkTable{.name = name});
  options.precision = precision == "bf16" ? Precision::kBf16 : Precision::kFp32;
  options.convolution = convolution == "fastest" ? Convolution::kFastest : Convolution::kDirect;
  const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
  initializeTrunk(options.network, 1, engine->trunk().parameters);
  initializeHead(0, options.classes, options.network.embedding, 1, engine->head().parameters);
  Random random(1);
  std::vector<uint8_t> images(options.network.imageBytes() * static_cast<size_t>(options.batch));
  for (uint8_t& byte : images)
    byte = static_cast<uint8_t>(random.below(256));
  std::vector<int32_t> labels(static_cast<size_t>(options.batch));
  for (int32_t& label : labels) {
    label = static_cast<int32_t>(random.below(static_cast<uint64_t>(options.classes)));
  }

  auto take_step = [&] {
    const PassStats stats = engine->forwardBackward(
        images, labels, {4, 1000}, 1.0F / static_cast<float>(options.batch), false);
    engine->update({1e-3, 0.9, 5e-4});
    return stats;
  };
  if (on_request) {
    std::string line;
    while (std::getline(std::cin, line)) {
      const auto start = std::chrono::steady_clock::now();
      take_step();
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      std::printf("%f\n", 1e3 * elapsed.count());
      std::fflush(stdout);
    }
    return 0;
  }

  std::vector<double> total;
  std::vector<double> forward;
  std::vector<double> head;
  std::vector<double> backward;
  std::vector<double> update;
  std::vector<double> convolutions;
  std::optional<Convolutions> alone;
  if (ceiling) alone.emplace(options, engine->convolutionAlgorithms());
  for (int step = -1; step < steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    const PassStats stats = take_step();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const double convolving = alone ? alone->seconds() : 0;
    if (step < 0) continue;
    convolutions.push_back(convolving);
    total.push_back(elapsed.count());
    forward.push_back(stats.forward_seconds);
    head.push_back(stats.head_seconds);
    backward.push_back(stats.backward_seconds);
    update.push_back(elapsed.count() - stats.forward_seconds - stats.head_seconds -
                     stats.backward_seconds);
  }
  const double step = median(total);
  const double flop = 6.0 * (static_cast<double>(multiplyAdds(options.network)) +
                             static_cast<double>(options.network.embedding) * options.classes);
  std::printf(
      "%-14s %-4s batch %d, %d threads: %.1f images/s; ms: forward %.1f head %.1f backward "
      "%.1f update %.1f; %.0f GFLOP/s\n",
      name.c_str(), precision.c_str(), options.batch, options.threads, options.batch / step,
      1e3 * median(forward), 1e3 * median(head), 1e3 * median(backward), 1e3 * median(update),
      flop * options.batch / step / 1e9);
  if (alone) {
    const double only = median(convolutions);
    std::printf(
        "%-14s %-4s convolutions alone: %.1f images/s; the whole step keeps %.0f %% of it\n",
        name.c_str(), precision.c_str(), options.batch / only, 100 * only / step);
  }
  return 0;
}
