// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/image_upload.h"

#include <algorithm>
#include <utility>

namespace sphereface {

ImageUpload::ImageUpload(size_t bytes, bool ahead) {
  device_[0] = DeviceBuffer<uint8_t>(bytes);
  if (!ahead) return;
  device_[1] = DeviceBuffer<uint8_t>(bytes);
  pinned_ = PinnedBuffer<uint8_t>(bytes);
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream");
}

ImageUpload::~ImageUpload() {
  if (stream_ == nullptr) return;
  // The buffers it copies between go with this.
  static_cast<void>(cudaStreamSynchronize(stream_));
  static_cast<void>(cudaStreamDestroy(stream_));
}

void ImageUpload::take(std::span<const uint8_t> images, cudaStream_t stream) {
  const std::span<const uint8_t> sent = std::exchange(sent_, {});
  if (!sent.empty() && sent.data() == images.data()) {
    current_ = 1 - current_;
    check(cudaStreamWaitEvent(stream, sent_mark_.at(0), 0), "wait for images");
  } else {
    check(cudaMemcpyAsync(device_.at(current_).data(), images.data(), images.size(),
                          cudaMemcpyHostToDevice, stream),
          "copy images");
  }
}

void ImageUpload::send() {
  sent_ = std::exchange(announced_, {});
  if (sent_.empty()) return;
  // Had the images before not been taken, they might still be on their way.
  check(cudaStreamSynchronize(stream_), "copy images");
  // From memory that isn't page-locked they would travel while this waits.
  std::ranges::copy(sent_, pinned_.data());
  check(cudaMemcpyAsync(device_.at(1 - current_).data(), pinned_.data(), sent_.size(),
                        cudaMemcpyHostToDevice, stream_),
        "copy images");
  sent_mark_.set(0, stream_);
}

}  // namespace sphereface
