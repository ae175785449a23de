// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Forward and backward of a classification head on random embeddings, beside the three matrix
// products it can't do without (z = x W^T, dW = g^T x, dx = g W), as oneDNN's sgemm does them on
// the whole matrices, in turns with the head; with streamed logits the first counts twice. Times
// are the shortest of --repetitions.
//
// Compulsory bytes: W read by both passes and written once with its rows normalised, dW written
// once; logits, when kept, written and read once. 4 (4 C D) + 8 B C, or 4 (4 C D) streamed.
// Memory is the process's peak above W and dW while the head ran.

#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/json.h"
#include "base/random.h"
#include "kernels/cpu/cpu_head.h"
#include "kernels/cpu/onednn.h"

namespace {

using namespace sphereface;

/// The shortest of several times: other work on the machine only ever adds.
class Stopwatch {
 public:
  template <class Action>
  void time(const Action& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    shortest_ = std::min(shortest_, elapsed.count());
  }
  double seconds() const { return shortest_; }

 private:
  double shortest_ = 1e30;
};

/// A line of /proc/self/status, in bytes.
double statusBytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    double kilobytes = 0;
    if (word == name && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

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
  }
  if (name == "SPHEREFACE_R_V2") {
    variant.options.type = HeadOptions::Type::kSphereFaceR2;
    variant.step.margin = 1.5;
  }
  return variant;
}

/// The products and the head in turns, so that both meet the same machine.
Json measure(Problem& p, const Variant& variant, int repetitions) {
  const bool streaming = *variant.options.streaming;
  Stopwatch logits;
  Stopwatch weights;
  Stopwatch embeddings;
  Stopwatch forward;
  Stopwatch whole;
  double memory = 0;
  size_t planned = 0;
  for (int r = 0; r < repetitions; ++r) {
    {
      AlignedBuffer<float> z(static_cast<size_t>(p.batch) * static_cast<size_t>(p.classes));
      logits.time([&] {
        onednn::gemm('N', 'T', p.batch, p.classes, p.dim, p.x.data(), p.dim, p.W.data(), p.dim, 0,
                     z.data(), p.classes);
      });
      weights.time([&] {
        onednn::gemm('T', 'N', p.classes, p.dim, p.batch, z.data(), p.classes, p.x.data(), p.dim, 0,
                     p.dW.data(), p.dim);
      });
      embeddings.time([&] {
        onednn::gemm('N', 'N', p.batch, p.dim, p.classes, z.data(), p.classes, p.W.data(), p.dim, 0,
                     p.dx.data(), p.dim);
      });
    }
    malloc_trim(0);
    const double before = statusBytes("VmRSS:");
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
    forward.time([&] { headForward(variant.options, pass, workspace); });
    whole.time([&] { headForwardBackward(variant.options, pass, workspace); });
    memory = std::max(memory, statusBytes("VmHWM:") - before);
  }

  const double products = streaming ? 4 : 3;
  const double matrix = static_cast<double>(p.classes) * p.dim;
  const double gflop = products * 2 * p.batch * matrix / 1e9;
  const double gigabytes = (16 * matrix + (streaming ? 0.0 : 8.0 * p.batch * p.classes)) / 1e9;
  const double floor = (products - 2) * logits.seconds() + weights.seconds() + embeddings.seconds();
  const double seconds = whole.seconds();
  std::printf("%-16s %9d  %-8s %8.1f %8.1f %8.1f %7.2f %8.1f %8.1f %7.1f %8.1f\n",
              variant.name.c_str(), p.classes, streaming ? "streamed" : "kept",
              1e3 * forward.seconds(), 1e3 * seconds, 1e3 * floor, seconds / floor, gflop / seconds,
              gflop / floor, gigabytes / seconds, memory / (1 << 20));
  std::fflush(stdout);
  return {{"head", variant.name},
          {"batch", p.batch},
          {"dim", p.dim},
          {"classes", p.classes},
          {"streaming", streaming},
          {"forward_seconds", forward.seconds()},
          {"seconds", seconds},
          {"sgemm_seconds", floor},
          {"gflop_per_second", gflop / seconds},
          {"sgemm_gflop_per_second", gflop / floor},
          {"compulsory_gigabytes_per_second", gigabytes / seconds},
          {"memory_bytes", memory},
          {"workspace_bytes", planned}};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Times classification heads against the matrix products they are made of.",
               "head_bench");
  std::vector<int> classes = {10000, 100000, 1000000};
  std::vector<std::string> heads = {"A_SOFTMAX", "COSFACE"};
  int batch = 64;
  int dim = 512;
  int repetitions = 5;
  std::string json;
  app.add_option("--classes", classes)->capture_default_str();
  app.add_option("--heads", heads, "A_SOFTMAX, A_SOFTMAX_EXACT, COSFACE, SPHEREFACE_R_V2")
      ->check(CLI::IsMember({"A_SOFTMAX", "A_SOFTMAX_EXACT", "COSFACE", "SPHEREFACE_R_V2"}))
      ->capture_default_str();
  app.add_option("--batch", batch)->capture_default_str();
  app.add_option("--dim", dim)->capture_default_str();
  app.add_option("--repetitions", repetitions)->capture_default_str();
  app.add_option("--json", json, "also write the table to this file");
  CLI11_PARSE(app, argc, argv);

  std::printf("batch %d, embedding %d; ms, GFLOP/s, GB/s of compulsory bytes, MiB above W and dW\n",
              batch, dim);
  std::printf("%-16s %9s  %-8s %8s %8s %8s %7s %8s %8s %7s %8s\n", "head", "classes", "logits",
              "forward", "whole", "sgemms", "ratio", "GFLOP/s", "sgemms'", "GB/s", "MiB");
  Json rows = Json::array();
  for (const int count : classes) {
    Problem problem(batch, dim, count);
    for (const std::string& head : heads) {
      for (const bool streaming : {false, true})
        rows.push_back(measure(problem, variantOf(head, streaming), repetitions));
    }
  }
  if (!json.empty()) writeJsonFile(json, {{"head_bench", rows}});
  return 0;
}
