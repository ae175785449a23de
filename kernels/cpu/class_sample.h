// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The rows of a random part of the classes (kernels/class_choice.h). The head trains the part as if
// there were no other classes; rows of W outside it, and their momenta, stay as they are.

#pragma once

#include "base/aligned_buffer.h"
#include "kernels/arena_store.h"
#include "kernels/class_choice.h"

namespace sphereface {

class ClassSample {
 public:
  /// As ClassChoice.
  ClassSample(int first_class, int classes, int dim, double share, int images);

  int size() const { return choice_.size(); }
  size_t bytes() const { return store_.bytes() + choice_.bytes(); }
  static size_t bytesFor(int classes, int dim, double share, int images);

  /// Chooses a part and takes its rows of W.
  void choose(std::span<const int32_t> labels, uint64_t key, std::span<const float> W);
  std::span<const int32_t> labels() const { return choice_.labels(); }
  std::span<const int32_t> rows() const { return choice_.rows(); }

  /// Of the part [size, dim].
  const Arena& arena() const { return store_.arena(); }

  /// Takes the part's rows of `all`, or puts them back.
  void take(std::span<const float> all, std::span<float> part) const;
  void put(std::span<const float> part, std::span<float> all) const;

 private:
  ClassChoice choice_;
  size_t dim_;
  ArenaStore<AlignedBuffer<float>> store_;
};

}  // namespace sphereface
