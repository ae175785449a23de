// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_class_sample.h"

#include <algorithm>

#include "base/positive.h"
#include "kernels/cuda/exchange_kernels.h"

namespace sphereface {

CudaClassSample::CudaClassSample(int first_class, int classes, int dim, double share, int images)
    : choice_(first_class, classes, share, images),
      dim_(dim),
      host_(positive(size()) + positive(images)),
      rows_(positive(size())),
      labels_(positive(images)),
      store_(rows_.size() * positive(dim), true, true) {}

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
