// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Hyperspherical energy (MHE) of the classes among a pass's labels, as
// kernels/cpu/cpu_energy.h has it.

#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/head_kernels.h"

namespace sphereface {

/// present [images]: 1 at the first image of each label, 0 at the others.
void findPresent(int images, const int32_t* labels, int32_t* present, cudaStream_t stream);

struct EnergyPass {
  int images = 0;
  int dim = 0;
  const float* rows = nullptr;  // [images, dim]: of each image's label the row of W, unit length
  const int32_t* present = nullptr;  // [images]
  const int32_t* labels = nullptr;   // [images]: those in `range` get a gradient
  ClassRange range;
  const HeadRule* rule = nullptr;
  double weight = 0;           // of the mean over pairs, in the loss that rule->loss_scale scales
  float* dW = nullptr;         // [range.count, dim], added to
  double* energies = nullptr;  // [images], overwritten; their sum over all ranks is the mean
};

/// Largest `dim`.
constexpr int kMostEnergyDim = 4096;

void addEnergy(const EnergyPass& pass, cudaStream_t stream);

/// Adds `factor` times the sum of the energies to the stats' term and loss.
void addEnergyStats(const double* energies, int images, double factor, HeadStats* stats,
                    cudaStream_t stream);

}  // namespace sphereface
