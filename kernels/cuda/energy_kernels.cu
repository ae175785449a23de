// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/energy_kernels.h"

#include "base/positive.h"
#include "kernels/cuda/warp_rows.cuh"
#include "kernels/hyperspherical_energy.h"

namespace sphereface {
namespace {

constexpr int kThreads = kRowThreads;
constexpr int kWarps = kRowWarps;

__global__ void findPresentKernel(int images, const int32_t* labels, int32_t* present) {
  const int image = static_cast<int>(threadIndex());
  if (image >= images) return;
  int other = 0;
  while (other < image && labels[other] != labels[image])
    ++other;
  present[image] = other == image ? 1 : 0;
}

/// A block has one class: its pairs with all others, as many at a time as there are warps.
__global__ void addEnergyKernel(EnergyPass pass) {
  __shared__ float slopes[kWarps];
  const int image = static_cast<int>(blockIdx.x);
  const int thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp;
  const auto dim = static_cast<size_t>(pass.dim);
  double classes = 0;
  for (int other = thread; other < pass.images; other += kThreads)
    classes += pass.present[other];
  classes = blockReduce<kThreads>(classes, 0.0, Add());
  if (pass.present[image] == 0 || !pass.range.has(pass.labels[image]) || classes < 2) {
    if (thread == 0) pass.energies[image] = 0;
    return;
  }
  const double pairs = classes * (classes - 1);
  const double weight = static_cast<double>(pass.rule->loss_scale) * pass.weight * 2 / pairs;

  const float* const own = pass.rows + static_cast<size_t>(image) * dim;
  auto* const gradient = dynamicShared<float>();
  for (size_t k = threadIdx.x; k < dim; k += kThreads)
    gradient[k] = 0;
  PairEnergy sums;  // of this warp's pairs
  for (int first = 0; first < pass.images; first += kWarps) {
    const int other = first + warp;
    PairEnergy pair;
    if (other < pass.images && other != image && pass.present[other] != 0) {
      const float* const row = pass.rows + static_cast<size_t>(other) * dim;
      float cosine = 0;
      for (int k = laneOfWarp(); k < pass.dim; k += kWarp)
        cosine += row[k] * own[k];
      cosine = warpReduce(cosine, Add());
      pair = pairEnergy(cosine, weight);
      sums.energy += pair.energy;
      sums.along += pair.along;
    }
    if (laneOfWarp() == 0) slopes[warp] = pair.slope;
    __syncthreads();
    for (size_t k = threadIdx.x; k < dim; k += kThreads) {
      for (int at = 0; at < kWarps && first + at < pass.images; ++at)
        gradient[k] += slopes[at] * pass.rows[static_cast<size_t>(first + at) * dim + k];
    }
    __syncthreads();
  }
  // All lanes of a warp have the same.
  const bool counts = laneOfWarp() == 0;
  const double energy = blockReduce<kThreads>(counts ? sums.energy : 0, 0.0, Add());
  const auto along = static_cast<float>(blockReduce<kThreads>(counts ? sums.along : 0, 0.0, Add()));
  if (thread == 0) pass.energies[image] = energy / pairs;
  float* const dw = pass.dW + static_cast<size_t>(pass.labels[image] - pass.range.first) * dim;
  for (size_t k = threadIdx.x; k < dim; k += kThreads)
    dw[k] += gradient[k] - along * own[k];
}

__global__ void addEnergyStatsKernel(const double* energies, int images, double factor,
                                     HeadStats* stats) {
  double sum = 0;
  for (int image = static_cast<int>(threadIdx.x); image < images; image += kThreads)
    sum += energies[image];
  sum = factor * blockReduce<kThreads>(sum, 0.0, Add());
  if (threadIdx.x > 0) return;
  stats->mhe_sum += sum;
  stats->loss_sum += sum;
}

}  // namespace

void findPresent(int images, const int32_t* labels, int32_t* present, cudaStream_t stream) {
  launch("classes among the labels", findPresentKernel, threadEach(positive(images)), stream,
         images, labels, present);
}

void addEnergy(const EnergyPass& pass, cudaStream_t stream) {
  LaunchShape shape = {dim3(static_cast<unsigned>(pass.images)), dim3(kThreads)};
  shape.shared_bytes = static_cast<size_t>(pass.dim) * sizeof(float);
  launch("hyperspherical energy", addEnergyKernel, shape, stream, pass);
}

void addEnergyStats(const double* energies, int images, double factor, HeadStats* stats,
                    cudaStream_t stream) {
  launch("sum energies", addEnergyStatsKernel, {dim3(1), dim3(kThreads)}, stream, energies, images,
         factor, stats);
}

}  // namespace sphereface
