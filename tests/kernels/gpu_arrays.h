// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Arrays in the GPU's memory, for tests of its kernels.

#pragma once

#include <vector>

#include "kernels/bf16.h"
#include "kernels/cuda/channel_pack.h"
#include "kernels/cuda/device_buffer.h"

namespace sphereface::testing {

template <class T>
DeviceBuffer<T> onDevice(const std::vector<T>& values) {
  DeviceBuffer<T> buffer(values.size());
  check(cudaMemcpyAsync(buffer.data(), values.data(), buffer.bytes(), cudaMemcpyHostToDevice,
                        nullptr),
        "copy");
  check(cudaStreamSynchronize(nullptr), "copy");
  return buffer;
}

template <class T>
std::vector<T> fromDevice(const DeviceBuffer<T>& buffer) {
  std::vector<T> values(buffer.size());
  check(cudaMemcpyAsync(values.data(), buffer.data(), buffer.bytes(), cudaMemcpyDeviceToHost,
                        nullptr),
        "copy");
  check(cudaStreamSynchronize(nullptr), "copy");
  return values;
}

template <class T>
T elementOf(double value) {
  T element;
  storeFloat(element, static_cast<float>(value));
  return element;
}

/// Rows of `columns` doubles as T with rows of whole packs, the padding filled with `padding`.
template <class T>
std::vector<T> padded(const std::vector<double>& values, int columns, double padding = 0) {
  const auto width = static_cast<size_t>(columns);
  const auto pitch = static_cast<size_t>(paddedToPacks(columns));
  std::vector<T> out(values.size() / width * pitch, elementOf<T>(padding));
  for (size_t k = 0; k < values.size(); ++k)
    out[k / width * pitch + k % width] = elementOf<T>(values[k]);
  return out;
}

/// The way back.
template <class T>
std::vector<double> unpadded(const std::vector<T>& values, int columns) {
  const auto width = static_cast<size_t>(columns);
  const auto pitch = static_cast<size_t>(paddedToPacks(columns));
  std::vector<double> out;
  for (size_t k = 0; k < values.size(); ++k) {
    if (k % pitch < width) out.push_back(static_cast<double>(toFloat(values[k])));
  }
  return out;
}

}  // namespace sphereface::testing
