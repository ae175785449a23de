// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// MegaFace's scores on a GPU: 3,530 probes with blocks of distractors of 512 numbers, counted as
// `sphereface evaluate megaface --device cuda` does, block after block from the host's memory, with
// cosines and with the kit's score. The floor is the arithmetic, 2 x probes x distractors x
// dimensions, at the card's fp32 rate; seconds are those of a million distractors, medians.
//
//   build/gpu/bin/gpu_score_bench

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bench/harness.h"
#include "kernels/score_counter.h"

namespace {

using namespace sphereface;

constexpr size_t kProbes = 3530;
constexpr size_t kMates = 40;  // thresholds of each probe
constexpr size_t kDim = 512;
constexpr size_t kBlock = 4096;
constexpr size_t kBlocks = 25;
constexpr int kRuns = 5;

/// Numbers that differ, quickly made.
std::vector<float> numbers(size_t count) {
  std::vector<float> values(count);
  uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(state >> 8) / static_cast<float>(1 << 24) - 0.5F;
  }
  return values;
}

void countAll(ScoreCounter& counter) {
  std::vector<float> large;
  for (size_t block = 0; block < kBlocks; ++block) {
    counter.start(static_cast<int>(block % 2), kBlock, block * kBlock, 1e30F);
    counter.finish(large);
  }
}

void measureFormula(const char* name, ScoreFormula formula, bench::Bench& bench) {
  ScoreCounterOptions options;
  options.formula = formula;
  options.rows = kProbes;
  options.depth = kDim + (formula == ScoreFormula::kDevkit ? 1 : 0);
  options.block_columns = kBlock;
  const std::vector<float> probes = numbers(kProbes * options.depth);
  options.values = probes;
  std::vector<float> thresholds;
  std::vector<size_t> first = {0};
  for (size_t probe = 0; probe < kProbes; ++probe) {
    // Some of them among the scores.
    for (size_t mate = 0; mate < kMates; ++mate)
      thresholds.push_back(static_cast<float>(mate) / 4);
    first.push_back(thresholds.size());
  }
  options.thresholds = thresholds;
  options.first_threshold = first;
  options.best = 5;
  const auto counter = makeCudaScoreCounter(options);
  const std::vector<float> block = numbers(kBlock * options.depth);
  for (int which = 0; which < 2; ++which)
    std::copy(block.begin(), block.end(), counter->block(which));
  std::vector<bench::Contender> runs = {
      {name, [&] { return bench::secondsOf([&] { countAll(*counter); }); }}};
  bench::takeTurns(runs, {.rounds = kRuns});
  const double columns = kBlocks * kBlock;
  const double million = 1e6 / columns;
  const double seconds = runs[0].median();
  bench.row("scores", {{"formula", name, 8},
                       {"s a million", million * seconds, 2},
                       {"least s", million * runs[0].shortest(), 2},
                       {"most s", million * runs[0].longest(), 2},
                       {"TFLOP/s", 2e-12 * kProbes * columns * kDim / seconds, 2}});
}

void measure(bench::Bench& bench) {
  bench.start();
  measureFormula("cosine", ScoreFormula::kCosine, bench);
  measureFormula("devkit", ScoreFormula::kDevkit, bench);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
