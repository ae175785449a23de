// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Images on their way to the GPU: those of the next pass travel while it computes this one.

#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/stream_marks.h"

namespace sphereface {

class ImageUpload {
 public:
  /// `bytes`: of a pass's images. With `ahead`, images can be announced.
  ImageUpload(size_t bytes, bool ahead);
  ImageUpload(const ImageUpload&) = delete;
  ImageUpload& operator=(const ImageUpload&) = delete;
  ~ImageUpload();

  /// The images of the pass after the one that is to come, which stay as they are until then.
  void announce(std::span<const uint8_t> images) { announced_ = images; }

  /// A pass's images come to where place() then says, for what is put on `stream` from here on;
  /// they are there already if they were announced.
  void take(std::span<const uint8_t> images, cudaStream_t stream);

  /// Which of the places on the GPU, of kPlaces.
  static constexpr size_t kPlaces = 2;
  size_t place() const { return current_; }
  const uint8_t* images() const { return device_.at(current_).data(); }

  /// Sends what was announced. To be called when all work of a pass is on its stream, and its end
  /// waited for before the next take().
  void send();

  size_t bytes() const { return device_[0].bytes() + device_[1].bytes(); }

 private:
  std::array<DeviceBuffer<uint8_t>, kPlaces> device_;  // of this pass, of the next
  PinnedBuffer<uint8_t> pinned_;
  cudaStream_t stream_ = nullptr;
  StreamMarks sent_mark_{1};
  size_t current_ = 0;
  std::span<const uint8_t> announced_;
  std::span<const uint8_t> sent_;
};

}  // namespace sphereface
