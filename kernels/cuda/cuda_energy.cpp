// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_energy.h"

#include "kernels/cuda/exchange_kernels.h"

namespace sphereface {

CudaEnergy::CudaEnergy(const GpuContext& context, int images, int dim, double mhe_weight)
    : context_(context),
      images_(images),
      dim_(dim),
      of_images_(mhe_weight * images),
      rows_(static_cast<size_t>(images) * static_cast<size_t>(dim)),
      present_(static_cast<size_t>(images)),
      energies_(static_cast<size_t>(images)) {
  if (dim > kMostEnergyDim) {
    throw Error(concat("device CUDA: head.mhe_weight with embeddings of ", dim, "; there can be ",
                       kMostEnergyDim));
  }
}

std::span<float> CudaEnergy::rowsOf(const int32_t* labels, const ClassRows& classes) const {
  rowsOfLabels(images_, dim_, labels, classes.range, classes.W, rows_.data(), context_.stream());
  return rows_.span();
}

void CudaEnergy::add(const int32_t* all_labels, const int32_t* labels, const ClassRows& classes,
                     const HeadRule* rule, HeadStats* stats) const {
  const cudaStream_t stream = context_.stream();
  findPresent(images_, all_labels, present_.data(), stream);
  EnergyPass pass;
  pass.images = images_;
  pass.dim = dim_;
  pass.rows = rows_.data();
  pass.present = present_.data();
  pass.labels = labels;
  pass.range = classes.range;
  pass.rule = rule;
  // One image's share of the term is the whole term, as with any mean over the batch.
  pass.weight = of_images_;
  pass.dW = classes.dW;
  pass.energies = energies_.data();
  addEnergy(pass, stream);
  addEnergyStats(energies_.data(), images_, of_images_, stats, stream);
}

}  // namespace sphereface
