// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/devkit_curves.h"

#include <algorithm>
#include <cmath>

namespace sphereface {
namespace {

constexpr double kLeastRise = 0.01;

}  // namespace

Curve devkitCmc(std::span<const uint64_t> counts) {
  std::vector<float> rate;
  float sum = 0;
  for (const uint64_t count : counts)
    rate.push_back(sum += static_cast<float>(count));
  Curve curve;
  float before = -1;
  for (size_t k = 0; k < rate.size(); ++k) {
    rate[k] /= sum;
    if (rate[k] - before < kLeastRise && k + 1 < rate.size()) continue;
    curve.x.push_back(static_cast<double>(k));
    curve.y.push_back(rate[k]);
    before = rate[k];
  }
  return curve;
}

Curve devkitTraditionalCmc(std::span<const uint64_t> counts) {
  float total = 0;
  for (const uint64_t count : counts)
    total += static_cast<float>(count);
  Curve curve;
  float before = -1;
  float rate = 0;
  for (size_t k = 0; k < counts.size(); ++k) {
    rate += static_cast<float>(counts[k]) / total;
    if (rate - before <= kLeastRise && k + 1 < counts.size()) continue;
    curve.x.push_back(static_cast<double>(k));
    curve.y.push_back(rate);
    before = rate;
  }
  return curve;
}

Curve devkitRoc(std::vector<uint64_t> above, uint64_t negatives) {
  std::sort(above.begin(), above.end());
  const auto positives = static_cast<float>(above.size());
  Curve curve;
  float before = -1;
  const auto emit = [&](uint64_t f, size_t accepted) {
    const float rate = static_cast<float>(accepted) / positives;
    if (rate - before <= kLeastRise && f < negatives) return;
    curve.x.push_back(static_cast<double>(f) / static_cast<double>(negatives));
    curve.y.push_back(rate);
    before = rate;
  };
  const auto none_above = std::upper_bound(above.begin(), above.end(), uint64_t{0});
  auto accepted = static_cast<size_t>(none_above - above.begin());
  emit(0, accepted);
  // The rate changes at the counts that occur: only there a point can be due.
  while (accepted < above.size()) {
    const uint64_t f = above[accepted];
    while (accepted < above.size() && above[accepted] == f)
      ++accepted;
    emit(f, accepted);
  }
  if (curve.x.back() < 1) emit(negatives, accepted);
  return curve;
}

uint64_t devkitFalseAccepts(uint64_t negatives, double far) {
  // far is a decimal fraction: a product a rounding below an integer means the integer.
  constexpr double kRounding = 1e-6;
  return static_cast<uint64_t>(std::floor(far * static_cast<double>(negatives) + kRounding));
}

double devkitTarAtFar(std::span<const uint64_t> above, uint64_t negatives, double far) {
  const uint64_t f = devkitFalseAccepts(negatives, far);
  const auto accepted =
      std::count_if(above.begin(), above.end(), [&](uint64_t count) { return count <= f; });
  return static_cast<double>(accepted) / static_cast<double>(above.size());
}

size_t DevkitDraw::below(size_t count) {
  constexpr uint64_t kMultiplier = 16807;
  constexpr uint64_t kModulus = 2147483647;
  const uint64_t scale = (kModulus - 2) / count;
  while (true) {
    state_ = state_ * kMultiplier % kModulus;
    const uint64_t drawn = state_ - 1;
    if (drawn < count * scale) return drawn / scale;
  }
}

}  // namespace sphereface
