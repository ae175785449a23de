// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include "base/aligned_buffer.h"
#include "kernels/head.h"
#include "kernels/head_formulas.h"

namespace sphereface {

/// The head's term of SphereFace+ (kernels/head.h, mhe_weight) on the CPU: the energy
/// (kernels/hyperspherical_energy.h) of the classes among a pass's labels.
class CpuEnergy {
 public:
  CpuEnergy() = default;
  CpuEnergy(int images, int dim, double mhe_weight);

  /// rows [images, dim]: of each label here its row of W, zeros elsewhere; where classes are spread
  /// over ranks, their sum over them is what add() wants there.
  void rowsOf(const int32_t* labels, const ClassRows& classes, std::span<float> rows);

  /// Adds to the gradients of the classes, and to the stats this rank's share: each row of a pair
  /// has half of it. `all_labels` tells which images have a class in common, `labels` where it is
  /// in the range. Of the rule loss_scale counts. requires: rows of unit length. Without rowsOf()
  /// before, all labels are in the range.
  void add(const int32_t* all_labels, const int32_t* labels, const ClassRows& classes,
           const HeadRule* rule, HeadStats* stats);

  size_t bytes() const { return bytesFor(static_cast<int>(energies_.size())); }
  static size_t bytesFor(int images);

 private:
  /// A class's row of W, and where its gradient goes: nowhere where it is another rank's.
  struct Row {
    const float* w = nullptr;
    float* dw = nullptr;
  };
  double rowEnergy(std::span<const Row> rows, size_t own, double weight) const;
  double meanEnergy(std::span<const Row> rows, float weight);

  int dim_ = 0;
  double of_images_ = 0;             // mhe_weight * images
  const float* rows_ = nullptr;      // of all ranks
  AlignedBuffer<int32_t> by_label_;  // images, in the order of their labels
  AlignedBuffer<Row> class_rows_;    // of the labels, each once
  AlignedBuffer<double> energies_;   // by class
};

}  // namespace sphereface
