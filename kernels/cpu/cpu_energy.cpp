// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/cpu_energy.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "base/positive.h"
#include "base/target_clones.h"
#include "kernels/hyperspherical_energy.h"

namespace sphereface {
namespace {

SPHEREFACE_TARGET_CLONES float dot(const float* a, const float* b, int count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int k = 0; k < count; ++k)
    sum += a[k] * b[k];
  return sum;
}

SPHEREFACE_TARGET_CLONES void addScaled(float factor, const float* from, int count, float* to) {
  for (int k = 0; k < count; ++k)
    to[k] += factor * from[k];
}

/// Where a label's row begins, in rows of `dim`; -1 where it isn't in the range.
ptrdiff_t placeOf(int label, const ClassRange& range, int dim) {
  return range.has(label) ? static_cast<ptrdiff_t>(label - range.first) * dim : -1;
}

}  // namespace

CpuEnergy::CpuEnergy(int images, int dim, double mhe_weight)
    : dim_(dim),
      of_images_(static_cast<double>(images) * mhe_weight),
      by_label_(positive(images)),
      class_rows_(positive(images)),
      energies_(positive(images)) {}

size_t CpuEnergy::bytesFor(int images) {
  return positive(images) * (sizeof(int32_t) + sizeof(Row) + sizeof(double));
}

void CpuEnergy::rowsOf(const int32_t* labels, const ClassRows& classes, std::span<float> rows) {
  std::ranges::fill(rows, 0.0F);
  float* row = rows.data();
  for (size_t image = 0; image < by_label_.size(); ++image, row += dim_) {
    const ptrdiff_t at = placeOf(labels[image], classes.range, dim_);
    if (at >= 0) std::copy_n(classes.W + at, dim_, row);
  }
  rows_ = rows.data();
}

void CpuEnergy::add(const int32_t* all_labels, const int32_t* labels, const ClassRows& classes,
                    const HeadRule* rule, HeadStats* stats) {
  const std::span<int32_t> order = by_label_.span();
  std::iota(order.begin(), order.end(), 0);
  auto label = [all_labels](int32_t image) { return all_labels[image]; };
  std::ranges::sort(order, {}, label);
  size_t count = 0;
  for (size_t k = 0; k < order.size(); ++k) {
    const int32_t image = order[k];
    if (k > 0 && label(image) == label(order[k - 1])) continue;
    const ptrdiff_t at = placeOf(labels[image], classes.range, dim_);
    class_rows_.data()[count++] = {
        rows_ == nullptr ? classes.W + at : rows_ + static_cast<ptrdiff_t>(image) * dim_,
        at >= 0 ? classes.dW + at : nullptr};
  }
  // One image's share of the term is the whole term, as with any mean over the batch.
  stats->mhe_sum = of_images_ * meanEnergy({class_rows_.data(), count},
                                           static_cast<float>(rule->loss_scale * of_images_));
  stats->loss_sum += stats->mhe_sum;
}

/// theta^-2 of one row with all others, and the gradient of the mean in that row.
double CpuEnergy::rowEnergy(std::span<const Row> rows, size_t own, double weight) const {
  const auto& [w, dw] = rows[own];
  double energy = 0;
  double along = 0;
  for (size_t k = 0; k < rows.size(); ++k) {
    if (k == own) continue;
    const float* const other = rows[k].w;
    const PairEnergy pair = pairEnergy(dot(w, other, dim_), weight);
    energy += pair.energy;
    if (pair.slope == 0) continue;
    addScaled(pair.slope, other, dim_, dw);
    along += pair.along;
  }
  addScaled(static_cast<float>(-along), w, dim_, dw);
  return energy;
}

/// The halves of rows that have a gradient, and weight times that.
double CpuEnergy::meanEnergy(std::span<const Row> rows, float weight) {
  const auto n = static_cast<double>(rows.size());
  if (n < 2) return 0;
#pragma omp parallel for schedule(static)
  for (size_t own = 0; own < rows.size(); ++own) {
    const bool here = rows[own].dw != nullptr;
    energies_.data()[own] = here ? rowEnergy(rows, own, weight * 2 / (n * (n - 1))) : 0;
  }
  return std::accumulate(energies_.data(), energies_.data() + rows.size(), 0.0) / (n * (n - 1));
}

}  // namespace sphereface
