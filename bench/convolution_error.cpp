// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How far a network's gradients are from the double-precision reference with direct fp32
// convolutions, with Winograd wherever it exists, and in bf16: the 2-norm of the difference over
// the 2-norm of the reference's, for each layer's weights.
//
//   build/bin/convolution_error --network sphereface-20

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "bench/harness.h"
#include "bench/training_step.h"
#include "kernels/engine.h"
#include "kernels/processor.h"
#include "kernels/reference/reference_head.h"
#include "kernels/reference/reference_trunk.h"
#include "model/initialize.h"
#include "model/network_table.h"

namespace {

using namespace sphereface;

double relativeError(std::span<const float> got, std::span<const double> want) {
  double difference = 0;
  double size = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double delta = static_cast<double>(got[i]) - want[i];
    difference += delta * delta;
    size += want[i] * want[i];
  }
  return std::sqrt(difference / size);
}

struct Variant {
  const char* name;
  Precision precision;
  Convolution convolution;
};

void measure(bench::Bench& bench) {
  const std::string name = bench.option<std::string>("--network", "sphereface-20");
  const int batch = bench.option("--batch", 2);
  bench.start();
  const Network network = buildNetwork(NetworkTable{.name = name});
  constexpr int kClasses = 100;
  constexpr HeadStep kStep = {4, 5};  // m and lambda of the longest part of a run

  const bench::RandomBatch random(network, batch, kClasses);

  EngineOptions options;
  options.network = network;
  options.classes = kClasses;
  options.batch = batch;
  options.threads = 2;
  // Winograd wherever oneDNN has it; what it hasn't becomes direct.
  std::string winograd;
  for (size_t layer = 0; layer < network.convs.size(); ++layer)
    winograd += network.convs[layer].stride == 1 ? "www " : "ddd ";

  const Variant variants[] = {{"direct", Precision::kFp32, Convolution::kDirect},
                              {"Winograd", Precision::kFp32, Convolution::kFastest},
                              {"bf16", Precision::kBf16, Convolution::kDirect}};
  std::vector<Parameter> weights;
  for (const Parameter& p : network.parameters) {
    if (p.shape.size() >= 2) weights.push_back(p);
  }
  std::vector<std::vector<double>> errors;  // [variant][weights]
  std::vector<double> want;
  for (const Variant& variant : variants) {
    options.precision = variant.precision;
    options.convolution = variant.convolution;
    options.convolution_algorithms = winograd;
    const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
    for (const std::string& note : engine->notes())
      bench.fact({variant.name, note});
    initializeWeights(network, 0, 1, *engine);
    if (want.empty()) {
      const Arena trunk = engine->trunk();
      const std::vector<double> exact(trunk.parameters.begin(), trunk.parameters.end());
      const reference::TrunkState state = reference::forward(network, random.images, exact, batch);
      reference::HeadInput input;
      input.batch = batch;
      input.dim = network.embedding;
      input.classes = kClasses;
      input.step = kStep;
      input.loss_scale = 1.0 / batch;
      input.x = state.embeddings;
      const Arena head = engine->head();
      input.W.assign(head.parameters.begin(), head.parameters.end());
      input.labels.assign(random.labels.begin(), random.labels.end());
      want = reference::backward(network, state, reference::head(options.head, input).dx, exact,
                                 batch);
    }
    engine->forwardBackward(random.images, random.labels, kStep, 1.0F / static_cast<float>(batch),
                            false);
    std::vector<double>& of = errors.emplace_back();
    for (const Parameter& p : weights) {
      of.push_back(relativeError(engine->trunk().gradients.subspan(p.offset, p.count),
                                 std::span<const double>(want).subspan(p.offset, p.count)));
    }
  }

  bench.fact({"library", concat(processor().library, ", ", processor().instructions)});
  for (size_t w = 0; w < weights.size(); ++w) {
    std::vector<bench::Figure> row = {{"gradient", weights[w].name, 10}};
    for (size_t v = 0; v < errors.size(); ++v)
      row.push_back({concat(variants[v].name, " 1e-6"), 1e6 * errors[v][w], 2});
    bench.row("errors", row);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
