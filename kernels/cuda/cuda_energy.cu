// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_energy.h"

#include "base/positive.h"
#include "kernels/cuda/warp_rows.cuh"
#include "kernels/hyperspherical_energy.h"

namespace sphereface {
namespace {

constexpr int kMostDim = 4096;
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

struct EnergyPass {
  int images = 0;
  int dim = 0;
  const float* rows = nullptr;  // [images, dim]: of each image's label the row of W, unit length
  const int32_t* present =
      nullptr;                      // [images]: 1 at the first image of each label, 0 at the others
  const int32_t* labels = nullptr;  // [images]: those in the classes' range get a gradient
  ClassRows classes;
  const HeadRule* rule = nullptr;
  double weight = 0;           // of the mean over pairs, in the loss that rule->loss_scale scales
  double* energies = nullptr;  // [images], overwritten; their sum over all ranks is the mean
};

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
  if (pass.present[image] == 0 || !pass.classes.range.has(pass.labels[image]) || classes < 2) {
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
  float* const dw =
      pass.classes.dW + static_cast<size_t>(pass.labels[image] - pass.classes.range.first) * dim;
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

__global__ void rowsOfLabelsKernel(size_t images, size_t dim, const int32_t* labels,
                                   ClassRange range, const float* W, float* out) {
  const size_t image = warpRow();
  if (image >= images) return;
  const int label = labels[image];
  const bool here = range.has(label);
  const float* const from = W + (here ? static_cast<size_t>(label - range.first) * dim : 0);
  for (size_t k = static_cast<size_t>(laneOfWarp()); k < dim; k += kWarp)
    out[image * dim + k] = here ? from[k] : 0.0F;
}

}  // namespace

CudaEnergy::CudaEnergy(const GpuContext& context, int images, int dim, double mhe_weight)
    : context_(context),
      images_(images),
      dim_(dim),
      of_images_(mhe_weight * images),
      rows_(positive(images) * positive(dim)),
      present_(positive(images)),
      energies_(positive(images)) {
  if (dim > kMostDim) {
    throw Error(concat("device CUDA: head.mhe_weight with embeddings of ", dim, "; there can be ",
                       kMostDim));
  }
}

std::span<float> CudaEnergy::rowsOf(const int32_t* labels, const ClassRows& classes) const {
  launch("rows of the labels", rowsOfLabelsKernel, warpEach(images_), context_.stream(), images_,
         dim_, labels, classes.range, classes.W, rows_.data());
  return rows_.span();
}

void CudaEnergy::add(const int32_t* all_labels, const int32_t* labels, const ClassRows& classes,
                     const HeadRule* rule, HeadStats* stats) const {
  const cudaStream_t stream = context_.stream();
  launch("classes among the labels", findPresentKernel, threadEach(positive(images_)), stream,
         images_, all_labels, present_.data());
  EnergyPass pass;
  pass.images = images_;
  pass.dim = dim_;
  pass.rows = rows_.data();
  pass.present = present_.data();
  pass.labels = labels;
  pass.classes = classes;
  pass.rule = rule;
  // One image's share of the term is the whole term, as with any mean over the batch.
  pass.weight = of_images_;
  pass.energies = energies_.data();
  LaunchShape shape = {dim3(static_cast<unsigned>(images_)), dim3(kThreads)};
  shape.shared_bytes = positive(dim_) * sizeof(float);
  launch("hyperspherical energy", addEnergyKernel, shape, stream, pass);
  launch("sum energies", addEnergyStatsKernel, {dim3(1), dim3(kThreads)}, stream, energies_.data(),
         images_, of_images_, stats);
}

}  // namespace sphereface
