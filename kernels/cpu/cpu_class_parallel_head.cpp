// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/cpu_class_parallel_head.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sphereface {

void CpuSpread::offerTops(const HeadWorkspace& of, std::span<float> tops) {
  std::copy_n(of.top.data(), tops.size(), tops.data());
}

void CpuSpread::offerSums(const HeadWorkspace& of, std::span<const float> tops,
                          std::span<float> sums) {
  for (size_t i = 0; i < tops.size(); ++i) {
    const double own = of.top.data()[i];
    const bool none = own == -std::numeric_limits<double>::infinity();
    const double sum = none ? 0 : of.sum.data()[i] * std::exp(own - tops[i]);
    sums[i] = static_cast<float>(sum);
    sums[tops.size() + i] = of.target.data()[i];
  }
}

void CpuSpread::takeSoftmax(std::span<const float> tops, std::span<const float> sums,
                            HeadWorkspace& of) {
  std::ranges::copy(tops, of.top.data());
  std::ranges::copy(sums.first(tops.size()), of.sum.data());
  std::ranges::copy(sums.subspan(tops.size()), of.target.data());
}

/// What the ranks put together is a row and zeros, so that it has W's bits.
void CpuSpread::gatherRows(CpuEnergy& energy, const int32_t* labels, const ClassRows& classes,
                           std::span<float> rows, std::span<float> own) {
  energy.rowsOf(labels, classes, rows);
  timed(kEnergyRows, [&] {
    exchange_.scatterSum(rows, own);
    exchange_.gather(own, rows);
  });
}

size_t classParallelHeadBytes(const HeadOptions& head, int images, int dim, int classes) {
  HeadOptions own = head;
  own.mhe_weight = 0;
  const int trained = ClassChoice::sizeFor(classes, head.sample_rate, images);
  return HeadWorkspace::bytesFor(own, images, dim, trained) +
         (head.sample_rate < 1 ? ClassSample::bytesFor(classes, dim, head.sample_rate, images)
                               : 0) +
         (head.mhe_weight > 0 ? CpuEnergy::bytesFor(images) : 0) +
         sizeof(float) * positive(images) * (2 * positive(dim) + 4);
}

}  // namespace sphereface
