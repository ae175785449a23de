// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The rows of a random part of the classes on the GPU, as kernels/cpu/class_sample.h.

#pragma once

#include "kernels/arena_store.h"
#include "kernels/class_choice.h"
#include "kernels/cuda/device_buffer.h"

namespace sphereface {

class CudaClassSample {
 public:
  /// As ClassChoice.
  CudaClassSample(int first_class, int classes, int dim, double share, int images);

  int size() const { return choice_.size(); }
  size_t bytes() const { return rows_.bytes() + labels_.bytes() + store_.bytes(); }

  /// Chooses a part, on the host. requires: the stream's work of an earlier choice is done.
  void choose(std::span<const int32_t> labels, uint64_t key, cudaStream_t stream);

  /// On the GPU, by image: the label's place in the part, -1 where its class isn't here.
  std::span<const int32_t> labels() const { return labels_.span(); }

  /// Of the part [size, dim].
  const Arena& arena() const { return store_.arena(); }

  /// Takes the part's rows of `all` [classes, dim], or puts them back.
  void take(std::span<const float> all, std::span<float> part, cudaStream_t stream) const;
  void put(std::span<const float> part, std::span<float> all, cudaStream_t stream) const;

 private:
  ClassChoice choice_;
  int dim_;
  PinnedBuffer<int32_t> host_;  // rows, then labels
  DeviceBuffer<int32_t> rows_;
  DeviceBuffer<int32_t> labels_;
  ArenaStore<DeviceBuffer<float>> store_;
};

}  // namespace sphereface
