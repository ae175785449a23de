// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <vector>

#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/gpu_context.h"
#include "kernels/cuda/stream_marks.h"
#include "kernels/shard_tree.h"

namespace sphereface {

/// In the GPU's memory, on the context's stream. What it adds is final (GpuContext::final) when it
/// has been added.
class CudaShardTree final : public ShardTree {
 public:
  /// trunk, head: gradients of the arenas.
  CudaShardTree(GpuContext& context, size_t shards, size_t trunk, size_t head);

 private:
  void addKept(size_t level, const GradientRange& range) override;
  void keep(size_t level, const GradientRange& range) override;
  float* kept(size_t level, const GradientRange& range) const;

  GpuContext& context_;
  size_t trunk_;
  std::vector<DeviceBuffer<float>> levels_;  // the network's gradients, then the head's
  StreamMarks added_{1};
};

}  // namespace sphereface
