// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Forward and backward of a classification head on random embeddings, beside the three matrix
// products it can't do without (z = x W^T, dW = g^T x, dx = g W), as oneDNN's sgemm does them on
// the whole matrices, in turns with the head; with streamed logits the first counts twice. Times
// are the shortest of --repetitions: other work on the machine only ever adds.
//
//   build/bin/head_bench --classes 10000 100000 --heads A_SOFTMAX
//
// Compulsory bytes: W read by both passes and written once with its rows normalised, dW written
// once; logits, when kept, written and read once. 4 (4 C D) + 8 B C, or 4 (4 C D) streamed.
// Memory is the process's peak above W and dW while the head ran.

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/error.h"
#include "base/random.h"
#include "base/this_process.h"
#include "bench/harness.h"
#include "kernels/cpu/cpu_head.h"
#include "kernels/cpu/onednn.h"
#include "kernels/processor.h"

namespace {

using namespace sphereface;

/// Makes VmHWM the memory used now (Linux).
void resetPeakMemory() {
  std::ofstream("/proc/self/clear_refs") << 5;
}

struct Problem {
  Problem(int b, int d, int c)
      : batch(b),
        dim(d),
        classes(c),
        x(static_cast<size_t>(b) * static_cast<size_t>(d)),
        dx(x.size()),
        W(static_cast<size_t>(c) * static_cast<size_t>(d)),
        dW(W.size()),
        labels(static_cast<size_t>(b)) {
    Random random(1);
    for (float& value : x.span())
      value = static_cast<float>(random.normal());
    // Repeated values are as good here, and a billion normal ones take a minute.
    for (size_t k = 0; k < W.size(); ++k) {
      W.data()[k] = k < (1 << 20) ? static_cast<float>(random.normal()) : W.data()[k - (1 << 20)];
    }
    for (int32_t& label : labels)
      label = static_cast<int32_t>(random.below(static_cast<uint64_t>(c)));
  }

  int batch;
  int dim;
  int classes;
  AlignedBuffer<float> x;
  AlignedBuffer<float> dx;
  AlignedBuffer<float> W;
  AlignedBuffer<float> dW;
  std::vector<int32_t> labels;
};

struct Variant {
  std::string name;
  HeadOptions options;
  HeadStep step;
};

Variant variantOf(const std::string& name, bool streaming) {
  Variant variant{name, {}, {.margin = 4, .lambda = 5}};
  variant.options.streaming = streaming;
  if (name == "A_SOFTMAX") return variant;
  variant.options.gradient = HeadOptions::Gradient::kExact;
  if (name == "COSFACE") {
    variant.options.type = HeadOptions::Type::kCosFace;
    variant.step.margin = 0.35;
  } else if (name == "SPHEREFACE_R_V2") {
    variant.options.type = HeadOptions::Type::kSphereFaceR2;
    variant.step.margin = 1.5;
  } else if (name != "A_SOFTMAX_EXACT") {
    throw UsageError(
        concat("no head ", name, "; A_SOFTMAX, A_SOFTMAX_EXACT, COSFACE or SPHEREFACE_R_V2"));
  }
  return variant;
}

/// The products and the head in turns, so that both meet the same machine.
void measureHead(Problem& p, const Variant& variant, int repetitions, bench::Bench& bench) {
  const bool streaming = *variant.options.streaming;
  std::vector<double> logits;
  std::vector<double> weights;
  std::vector<double> embeddings;
  std::vector<double> forward;
  std::vector<double> whole;
  double memory = 0;
  size_t planned = 0;
  for (int r = 0; r < repetitions; ++r) {
    {
      AlignedBuffer<float> z(static_cast<size_t>(p.batch) * static_cast<size_t>(p.classes));
      logits.push_back(bench::secondsOf([&] {
        onednn::gemm('N', 'T', p.batch, p.classes, p.dim, p.x.data(), p.dim, p.W.data(), p.dim, 0,
                     z.data(), p.classes);
      }));
      weights.push_back(bench::secondsOf([&] {
        onednn::gemm('T', 'N', p.classes, p.dim, p.batch, z.data(), p.classes, p.x.data(), p.dim, 0,
                     p.dW.data(), p.dim);
      }));
      embeddings.push_back(bench::secondsOf([&] {
        onednn::gemm('N', 'N', p.batch, p.dim, p.classes, z.data(), p.classes, p.W.data(), p.dim, 0,
                     p.dx.data(), p.dim);
      }));
    }
    malloc_trim(0);
    const auto before = static_cast<double>(processMemory().resident);
    resetPeakMemory();
    HeadWorkspace workspace(variant.options, p.batch, p.dim, p.classes);
    planned = workspace.bytes();
    HeadPass pass;
    pass.batch = p.batch;
    pass.dim = p.dim;
    pass.classes = p.classes;
    pass.step = variant.step;
    pass.loss_scale = 1.0F / static_cast<float>(p.batch);
    pass.x = p.x.data();
    pass.W = p.W.data();
    pass.labels = p.labels.data();
    pass.dx = p.dx.data();
    pass.dW = p.dW.data();
    forward.push_back(bench::secondsOf([&] { headForward(variant.options, pass, workspace); }));
    whole.push_back(
        bench::secondsOf([&] { headForwardBackward(variant.options, pass, workspace); }));
    memory = std::max(memory, static_cast<double>(processMemory().peak) - before);
  }

  const double products = streaming ? 4 : 3;
  const double matrix = static_cast<double>(p.classes) * p.dim;
  const double gflop = products * 2 * p.batch * matrix / 1e9;
  const double gigabytes = (16 * matrix + (streaming ? 0.0 : 8.0 * p.batch * p.classes)) / 1e9;
  const auto shortest = [](const std::vector<double>& times) { return std::ranges::min(times); };
  const double floor = (products - 2) * shortest(logits) + shortest(weights) + shortest(embeddings);
  const double seconds = shortest(whole);
  bench.row("heads", {{"head", variant.name, 15},
                      {"classes", p.classes},
                      {"logits", streaming ? "streamed" : "kept", 8},
                      {"forward ms", 1e3 * shortest(forward), 1},
                      {"whole ms", 1e3 * seconds, 1},
                      {"sgemms ms", 1e3 * floor, 1},
                      {"ratio", seconds / floor, 2},
                      {"GFLOP/s", gflop / seconds, 1},
                      {"sgemms' GFLOP/s", gflop / floor, 1},
                      {"GB/s", gigabytes / seconds, 1},
                      {"MiB", memory / (1 << 20), 1},
                      {"planned MiB", static_cast<double>(planned) / (1 << 20), 1}});
}

void measure(bench::Bench& bench) {
  const auto classes = bench.list("--classes", {"10000", "100000", "1000000"});
  const auto heads = bench.list("--heads", {"A_SOFTMAX", "COSFACE"});
  const int batch = bench.option("--batch", 64);
  const int dim = bench.option("--dim", 512);
  const int repetitions = bench.option("--repetitions", 5);
  bench.start();
  bench.fact({"library", concat(processor().library, ", ", processor().instructions)});
  for (const std::string& count : classes) {
    Problem problem(batch, dim, std::stoi(count));
    for (const std::string& head : heads) {
      for (const bool streaming : {false, true})
        measureHead(problem, variantOf(head, streaming), repetitions, bench);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
