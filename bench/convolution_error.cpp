// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// How far a network's embeddings and gradients are from the double-precision reference with direct
// fp32 convolutions, with Winograd wherever it exists, and in bf16: the 2-norm of the difference
// over the 2-norm of the reference's, for each layer's weights.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "kernels/engine.h"
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

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Rounding error of a network's passes against double precision.",
               "convolution_error");
  std::string name = "sphereface-20";
  int batch = 2;
  app.add_option("--network", name)->capture_default_str();
  app.add_option("--batch", batch)->capture_default_str();
  std::string json_file;
  app.add_option("--json", json_file);
  CLI11_PARSE(app, argc, argv);
  const Network network = buildNetwork(NetworkTable{.name = name});
  constexpr int kClasses = 100;
  constexpr HeadStep kStep = {4, 5};  // m and lambda of the longest part of a run

  std::vector<float> parameters(network.parameter_count);
  initializeTrunk(network, 1, parameters);
  std::vector<float> head(static_cast<size_t>(kClasses) * static_cast<size_t>(network.embedding));
  initializeHead(0, kClasses, network.embedding, 1, head);
  Random random(1);
  std::vector<uint8_t> images(network.imageBytes() * static_cast<size_t>(batch));
  for (uint8_t& byte : images)
    byte = static_cast<uint8_t>(random.below(256));
  std::vector<int32_t> labels(static_cast<size_t>(batch));
  for (int32_t& label : labels)
    label = static_cast<int32_t>(random.below(kClasses));

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
  std::vector<std::string> rows;
  for (const Parameter& p : network.parameters) {
    if (p.shape.size() >= 2) rows.push_back(p.name);
  }
  std::vector<std::vector<double>> errors;  // [variant][row]
  std::vector<double> want;
  for (const Variant& variant : variants) {
    options.precision = variant.precision;
    options.convolution = variant.convolution;
    options.convolution_algorithms = winograd;
    const std::unique_ptr<Engine> engine = makeEngine(Device::kCpu, options);
    for (const std::string& note : engine->notes())
      std::printf("%s: %s\n", variant.name, note.c_str());
    std::copy(parameters.begin(), parameters.end(), engine->trunk().parameters.begin());
    std::copy(head.begin(), head.end(), engine->head().parameters.begin());
    engine->forwardBackward(images, labels, kStep, 1.0F / static_cast<float>(batch), false);
    if (want.empty()) {
      std::printf("double-precision reference of %s, batch %d ...\n", name.c_str(), batch);
      std::fflush(stdout);
      const std::vector<double> exact(parameters.begin(), parameters.end());
      const reference::TrunkState state = reference::forward(network, images, exact, batch);
      reference::HeadInput input;
      input.batch = batch;
      input.dim = network.embedding;
      input.classes = kClasses;
      input.step = kStep;
      input.loss_scale = 1.0 / batch;
      input.x = state.embeddings;
      input.W.assign(head.begin(), head.end());
      input.labels.assign(labels.begin(), labels.end());
      want = reference::backward(network, state, reference::head(options.head, input).dx, exact,
                                 batch);
    }
    std::vector<double> row;
    for (const Parameter& p : network.parameters) {
      if (p.shape.size() < 2) continue;
      row.push_back(relativeError(engine->trunk().gradients.subspan(p.offset, p.count),
                                  std::span<const double>(want).subspan(p.offset, p.count)));
    }
    errors.push_back(row);
  }

  std::printf("%-10s", "gradient");
  for (const Variant& variant : variants)
    std::printf("%12s", variant.name);
  std::printf("\n");
  Json json;
  for (size_t r = 0; r < rows.size(); ++r) {
    std::printf("%-10s", rows[r].c_str());
    for (size_t v = 0; v < errors.size(); ++v) {
      std::printf("%12.1e", errors[v][r]);
      json[rows[r]][variants[v].name] = errors[v][r];
    }
    std::printf("\n");
  }
  if (!json_file.empty()) writeJsonFile(json_file, json);
  return 0;
}
