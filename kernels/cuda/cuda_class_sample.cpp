// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_class_sample.h"

#include <algorithm>

#include "kernels/cuda/exchange_kernels.h"

namespace sphereface {

CudaClassSample::CudaClassSample(int first_class, int classes, int dim, double share, int images)
    : choice_(first_class, classes, share, images),
      dim_(dim),
      rows_(static_cast<size_t>(size())),
      labels_(static_cast<size_t>(images)),
      W_(rows_.size() * static_cast<size_t>(dim)),
      dW_(W_.size()),
      momentum_(W_.size()) {
  host_ = PinnedBuffer<int32_t>(rows_.size() + labels_.size());
}

size_t CudaClassSample::bytes() const {
  return rows_.bytes() + labels_.bytes() + W_.bytes() + dW_.bytes() + momentum_.bytes();
}

void CudaClassSample::choose(std::span<const int32_t> labels, uint64_t key, cudaStream_t stream) {
  choice_.choose(labels, key);
  int32_t* const host_labels = std::ranges::copy(choice_.rows(), host_.data()).out;
  std::ranges::copy(choice_.labels(), host_labels);
  auto upload = [&](const int32_t* from, const DeviceBuffer<int32_t>& to) {
    check(cudaMemcpyAsync(to.data(), from, to.bytes(), cudaMemcpyHostToDevice, stream),
          "copy the sample of the classes");
  };
  upload(host_.data(), rows_);
  upload(host_labels, labels_);
}

void CudaClassSample::take(std::span<const float> all, std::span<float> part,
                           cudaStream_t stream) const {
  takeRows(rows_.data(), size(), dim_, all.data(), part.data(), stream);
}

void CudaClassSample::put(std::span<const float> part, std::span<float> all,
                          cudaStream_t stream) const {
  putRows(rows_.data(), size(), dim_, part.data(), all.data(), stream);
}

}  // namespace sphereface
