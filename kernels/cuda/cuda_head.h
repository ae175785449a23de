// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The classification head (kernels/head.h) on the GPU: matrix products by cuBLASLt, everything
// between them by kernels/cuda/head_kernels.h.
//
//   forward   W's rows normalised and packed, z = x W^T
//   softmax   margin, log-sum-exp, loss and d loss / d z in place
//   backward  dW = dz^T x, dx = dz W
//
// Streaming, the same is done by blocks of classes whose z stays in the GPU's cache, twice: once
// for the sums, once, multiplied again, for the gradients. Where the classes are spread over ranks,
// the sums are put together with the others' in between.

#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "kernels/cuda/cuda_energy.h"
#include "kernels/cuda/device_buffer.h"
#include "kernels/cuda/gpu_matrix_product.h"
#include "kernels/cuda/softmax_kernels.h"
#include "kernels/engine.h"

namespace sphereface {

/// T: of logits and of what the matrix products take, float or Bf16. All pointers are to the GPU's
/// memory; all work is put on the context's stream.
template <class T>
class CudaHead {
 public:
  /// Of the options, head, batch, classes, first_class, precision and whether there is a head_group
  /// count. arena: of W.
  CudaHead(const GpuContext& context, const EngineOptions& options, const Arena& arena);

  /// Makes others and the labels' logits, of the classes here, those of all classes.
  using Combine = std::function<void(const HeadImages&)>;

  /// Of the runs that follow. requires: no run is under way.
  void setRule(const HeadStep& step, float loss_scale);
  /// On the GPU, brought there by each run.
  const HeadRule* rule() const { return rule_.data(); }

  /// x [batch, embedding], labels [batch], those of classes elsewhere being no class here; dx
  /// [batch, embedding] is overwritten, gradients of W are overwritten or, with `accumulate`, added
  /// to. stats: sums over the images. combine: with a head_group.
  void run(const float* x, const int32_t* labels, bool accumulate, float* dx, HeadStats* stats,
           const Combine& combine = {});

  size_t bytes() const;

 private:
  /// Of each size of a block of classes: all but the last block's, and the last block's.
  struct Products {
    GpuMatrixProduct logits;
    GpuMatrixProduct d_classes;
    GpuMatrixProduct d_embeddings;
  };

  ClassRange allClasses() const { return {first_class_, classes_}; }
  ClassRange blockRange(int block) const;
  /// Where the block's rows of W begin in the arena.
  size_t blockOffset(int block) const;
  const Products& productsOf(int block) const;
  LogitBlock<T> logits(int block) const;
  const T* classes(int block) const;
  void normalizeBlock(int block, bool also_pack);
  void multiplyBlock(int block);
  void statistics();
  void blockGradients(int block, bool accumulate, float* dx);

  const GpuContext& context_;
  HeadOptions options_;
  int images_;
  int dim_;
  int first_class_;
  int classes_;
  bool plain_;  // the products take W itself
  int block_;   // classes of a block
  int blocks_;
  RowDivision rows_;  // of one block that rowSoftmax can have
  Arena arena_;
  std::vector<Products> products_;
  PinnedBuffer<HeadRule> host_rule_;
  DeviceBuffer<HeadRule> rule_;
  DeviceBuffer<T> features_;  // [images, padded dim]
  DeviceBuffer<T> packed_;    // classes of a block, packed; none where W can be taken as it is
  DeviceBuffer<T> z_;         // a block's
  DeviceBuffer<RowPart> parts_;
  HeadImages of_;
  DeviceBuffer<float> norm_;
  DeviceBuffer<HeadTarget> target_;
  DeviceBuffer<SoftmaxOthers> others_;
  DeviceBuffer<SoftmaxShift> softmax_;
  DeviceBuffer<TargetGradient> gradient_;
  DeviceBuffer<ImageStats> image_stats_;
  std::unique_ptr<CudaEnergy> energy_;
};

}  // namespace sphereface
