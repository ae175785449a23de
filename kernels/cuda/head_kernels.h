// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The head (kernels/head.h) on the GPU, between its matrix products: margin, log-sum-exp, loss and
// the logits' gradients. The formulas are those of kernels/head_formulas.h.
//
// A block of logits is [images, pitch], images by row, `pitch` whole packs, T float or Bf16; all
// arithmetic is fp32 or better. rowSoftmax reads and writes each logit once: a row is in shared
// memory while it is summed, from compute capability 9.0 on in that of up to 16 blocks (1.8 million
// classes of bf16 on an H100), before in that of one (82 thousand on an A100). Where rows are
// longer, or the classes come in several blocks or are spread over ranks, rowStatistics reads them
// once and rowGradients reads and writes them. No sum depends on the order in which blocks run.

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

/// Parts in which rowStatistics leaves a row of `classes`.
int statisticsParts(int classes);

/// A part of a row: the largest logit but the label's, and the sum of exp(logit - top).
struct RowPart {
  float top = 0;
  float sum = 0;
};

/// parts [statisticsParts(block's classes), images].
template <class T>
void rowStatistics(const HeadRule* rule, bool fractional, const LogitBlock<T>& block,
                   const int32_t* labels, RowPart* parts, cudaStream_t stream);

/// All blocks' parts [count, images] to images.others.
void mergeStatistics(const RowPart* parts, int count, int images, const HeadImages& out,
                     cudaStream_t stream);

/// From others and target to softmax, gradient and stats: all zeros in the last two where the label
/// isn't in the range.
void finishImages(const HeadRule* rule, int images, ClassRange range, const HeadImages& out,
                  cudaStream_t stream);

/// z to its gradients in place; the label's becomes for_w.
template <class T>
void rowGradients(const HeadRule* rule, bool fractional, const LogitBlock<T>& block,
                  const HeadImages& of, cudaStream_t stream);

/// How rowSoftmax keeps a row: in the shared memory of the blocks of a cluster.
struct RowDivision {
  int blocks = 0;  // none: this GPU has no room for such rows
  int packs = 0;   // of each block
};
/// For rows of `classes` of T on the GPU in use.
template <class T>
RowDivision divideRow(int classes);

/// rowStatistics, finishImages and rowGradients in one pass. requires: the block has all classes.
template <class T>
void rowSoftmax(const HeadRule* rule, bool fractional, const LogitBlock<T>& block,
                const RowDivision& division, const HeadImages& out, cudaStream_t stream);

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
