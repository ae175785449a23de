// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The head (kernels/head.h) on the GPU, between its matrix products: margin, log-sum-exp, loss and
// the logits' gradients. The formulas are those of kernels/head_formulas.h.
//
// A block of logits is [images, pitch], images by row, `pitch` whole packs, T float or Bf16; all
// arithmetic is fp32 or better. The softmax of its rows is in kernels/cuda/softmax_kernels.h.

#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/channel_pack.h"
#include "kernels/head_formulas.h"

namespace sphereface {

/// Rows of W [rows, dim] to unit length in place, but those that are already, and, where `packed`
/// isn't null, copied to packed [rows, padded dim]. With normalize false only copied.
template <class T>
void normalizeClasses(int rows, int dim, bool normalize, float* W, T* packed, cudaStream_t stream);

/// What the head keeps for its images, all [images].
struct HeadImages {
  const int32_t* labels = nullptr;
  float* norm = nullptr;  // |x|
  HeadTarget* target = nullptr;
  SoftmaxOthers* others = nullptr;
  SoftmaxShift* softmax = nullptr;
  TargetGradient* gradient = nullptr;
  ImageStats* stats = nullptr;
};

/// Of x [images, dim]: features [images, padded dim], x or, with unit_features, of unit length; and
/// out.norm.
template <class T>
void normalizeEmbeddings(int images, int dim, const float* x, bool unit_features,
                         const HeadImages& out, T* features, cudaStream_t stream);

/// out.target, zeros where the label isn't in the range. W [range.count, dim] with rows as the
/// type wants them; in fp32, whatever the logits are in.
void findTargets(const HeadRule* rule, int images, int dim, const float* x, const float* W,
                 ClassRange range, const HeadImages& out, cudaStream_t stream);

/// A block of z = W x, or of its gradients.
template <class T>
struct LogitBlock {
  T* z = nullptr;  // [images, pitch]
  int images = 0;
  size_t pitch = 0;
  ClassRange classes;
};

/// The labels' gradients from for_w to for_x, after the product for W.
template <class T>
void patchTargets(const LogitBlock<T>& block, const HeadImages& of, cudaStream_t stream);

/// dW -= (w . dW) w, by row. W, dW [rows, dim].
void projectClasses(int rows, int dim, const float* W, float* dW, cudaStream_t stream);

/// dx [images, dim], from the sum of g w: through the normalisation of x (unit_features), or plus
/// for_embedding x.
void finishEmbeddings(int images, int dim, const float* x, bool unit_features, const HeadImages& of,
                      float* dx, cudaStream_t stream);

/// Sums over the images.
void sumStats(int images, const HeadImages& of, HeadStats* sums, cudaStream_t stream);

}  // namespace sphereface
