// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One training step of a network on a GPU, on random images from the host's memory, by parts. The
// floor is arithmetic, as in step_bench.cpp. Needs nothing but the GPU's library, so that it can be
// built where little else is (scripts/gpu).

#include <getopt.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "kernels/cuda/cuda_engine.h"
#include "model/initialize.h"
#include "model/network_table.h"

namespace {

using namespace sphereface;

struct Options {
  std::string network = "sphereface-20";
  int classes = 10572;
  int batch = 512;
  std::string precision = "bf16";
  bool fastest = true;
  bool graphs = true;
  int steps = 50;
  bool on_request = false;
};

constexpr const char* kUsage =
    "gpu_step_bench [--network NAME] [--classes N] [--batch N] [--precision bf16|tf32|fp32]\n"
    "               [--convolution fastest|direct] [--graphs on|off] [--steps N] [--on-request]\n"
    "--on-request: one step for each line on standard input; prints its milliseconds, and at the\n"
    "end \"bytes N\", the memory of the engine's buffers.\n";

Options parse(int argc, char** argv) {
  const option known[] = {{"network", required_argument, nullptr, 'n'},
                          {"classes", required_argument, nullptr, 'c'},
                          {"batch", required_argument, nullptr, 'b'},
                          {"precision", required_argument, nullptr, 'p'},
                          {"convolution", required_argument, nullptr, 'v'},
                          {"graphs", required_argument, nullptr, 'g'},
                          {"steps", required_argument, nullptr, 's'},
                          {"on-request", no_argument, nullptr, 'r'},
                          {nullptr, 0, nullptr, 0}};
  Options options;
  for (int flag = 0; (flag = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    if (flag == 'n') options.network = optarg;
    if (flag == 'c') options.classes = std::stoi(optarg);
    if (flag == 'b') options.batch = std::stoi(optarg);
    if (flag == 'p') options.precision = optarg;
    if (flag == 'v') options.fastest = std::string(optarg) == "fastest";
    if (flag == 'g') options.graphs = std::string(optarg) == "on";
    if (flag == 's') options.steps = std::stoi(optarg);
    if (flag == 'r') options.on_request = true;
    if (flag == '?') throw UsageError(kUsage);
  }
  return options;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

/// An engine with random weights, and a batch to train it on.
class Training {
 public:
  explicit Training(const Options& options) : random_(1) {
    EngineOptions engine;
    engine.network = buildNetwork(NetworkTable{.name = options.network});
    engine.classes = options.classes;
    engine.batch = options.batch;
    engine.precision = options.precision == "bf16"   ? Precision::kBf16
                       : options.precision == "tf32" ? Precision::kTf32
                                                     : Precision::kFp32;
    engine.convolution = options.fastest ? Convolution::kFastest : Convolution::kDirect;
    engine.cuda_graphs = options.graphs;
    engine_ = makeCudaEngine(engine);
    initializeWeights(engine.network, 0, 1, *engine_);
    images_.resize(engine.network.imageBytes() * static_cast<size_t>(options.batch));
    for (uint8_t& byte : images_)
      byte = static_cast<uint8_t>(random_.below(256));
    labels_.resize(static_cast<size_t>(options.batch));
    for (int32_t& label : labels_)
      label = static_cast<int32_t>(random_.below(static_cast<uint64_t>(options.classes)));
    flops_ = 6.0 * (static_cast<double>(multiplyAdds(engine.network)) +
                    static_cast<double>(engine.network.embedding) * options.classes);
  }

  PassStats step() {
    engine_->announce(images_);
    const PassStats stats = engine_->forwardBackward(
        images_, labels_, {4, 1000}, 1.0F / static_cast<float>(labels_.size()), false);
    engine_->update({1e-3, 0.9, 5e-4});
    return stats;
  }
  size_t bytes() const { return engine_->memory().total(); }
  std::string note() const { return engine_->notes().front(); }
  /// Floating-point operations of a step, by image.
  double flops() const { return flops_; }

 private:
  Random random_;
  std::unique_ptr<Engine> engine_;
  std::vector<uint8_t> images_;
  std::vector<int32_t> labels_;
  double flops_ = 0;
};

double milliseconds(Training& training, PassStats& stats) {
  const auto start = std::chrono::steady_clock::now();
  stats = training.step();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return 1e3 * elapsed.count();
}

void onRequest(Training& training) {
  PassStats stats;
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("%f\n", milliseconds(training, stats));
    std::fflush(stdout);
  }
  std::printf("bytes %zu\n", training.bytes());
}

void measure(Training& training, const Options& options) {
  std::vector<double> total;
  std::vector<double> forward;
  std::vector<double> head;
  std::vector<double> backward;
  constexpr int kWarmUp = 3;
  for (int step = -kWarmUp; step < options.steps; ++step) {
    PassStats stats;
    const double elapsed = milliseconds(training, stats);
    if (step < 0) continue;
    total.push_back(elapsed);
    forward.push_back(1e3 * stats.forward_seconds);
    head.push_back(1e3 * stats.head_seconds);
    backward.push_back(1e3 * stats.backward_seconds);
  }
  const double step = median(total);
  const double rate = 1e3 * options.batch / step;
  std::printf(
      "%s\n%s, %d classes, batch %d, %s, convolutions %s, %s CUDA graphs: median of %d steps\n",
      training.note().c_str(), options.network.c_str(), options.classes, options.batch,
      options.precision.c_str(), options.fastest ? "fastest" : "same bits",
      options.graphs ? "with" : "without", options.steps);
  std::printf(
      "step %.3f ms (images and forward %.3f, head %.3f, backward %.3f), %.0f images/s, "
      "%.1f TFLOP/s, buffers %.0f MB\n",
      step, median(forward), median(head), median(backward), rate, rate * training.flops() / 1e12,
      static_cast<double>(training.bytes()) / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    Training training(options);
    options.on_request ? onRequest(training) : measure(training, options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "gpu_step_bench: error: %s\n", e.what());
    return kExitFailed;
  }
  return kExitDone;
}
