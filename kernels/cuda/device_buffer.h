// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "kernels/cuda/check.h"

namespace sphereface {

/// `count` zeroed elements in the GPU's memory, never resized.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(size_t count) : count_(count) {
    if (count == 0) return;
    check(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()), "allocate GPU memory");
    check(cudaMemset(data_, 0, bytes()), "clear GPU memory");
    // Other streams don't wait for this one's work.
    check(cudaStreamSynchronize(nullptr), "clear GPU memory");
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept { *this = std::move(other); }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~DeviceBuffer() { static_cast<void>(cudaFree(data_)); }

  T* data() const { return data_; }
  size_t size() const { return count_; }
  size_t bytes() const { return count_ * sizeof(T); }
  std::span<T> span() const { return {data_, count_}; }

 private:
  T* data_ = nullptr;
  size_t count_ = 0;
};

/// The same in memory of the host that the GPU copies from and to without a stop on the way.
template <class T>
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(size_t count) : count_(count) {
    if (count == 0) return;
    check(cudaMallocHost(reinterpret_cast<void**>(&data_), count * sizeof(T)),
          "allocate page-locked memory");
  }
  PinnedBuffer(PinnedBuffer&& other) noexcept { *this = std::move(other); }
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~PinnedBuffer() { static_cast<void>(cudaFreeHost(data_)); }

  T* data() const { return data_; }
  size_t size() const { return count_; }

 private:
  T* data_ = nullptr;
  size_t count_ = 0;
};

}  // namespace sphereface
