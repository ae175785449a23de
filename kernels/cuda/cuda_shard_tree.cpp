// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/cuda_shard_tree.h"

#include "kernels/cuda/sum_kernels.h"

namespace sphereface {

CudaShardTree::CudaShardTree(GpuContext& context, size_t shards, size_t trunk, size_t head)
    : ShardTree(shards), context_(context), trunk_(trunk) {
  for (size_t level = 0; level < levels(); ++level)
    levels_.emplace_back(trunk + head);
}

float* CudaShardTree::kept(size_t level, const GradientRange& range) const {
  return levels_[level].data() + (range.of_head ? trunk_ : 0) + range.begin;
}

void CudaShardTree::addKept(size_t level, const GradientRange& range) {
  addTo(range.values.size(), kept(level, range), range.values.data(), context_.stream());
  added_.set(0, context_.stream());
  context_.setFinal(added_.at(0));
}

void CudaShardTree::keep(size_t level, const GradientRange& range) {
  check(cudaMemcpyAsync(kept(level, range), range.values.data(), range.values.size_bytes(),
                        cudaMemcpyDeviceToDevice, context_.stream()),
        "copy gradients");
}

}  // namespace sphereface
