// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The softmax of the head's rows of logits: log-sum-exp, loss and the logits' gradients.
//
// rowSoftmax reads and writes each logit once: a row is in shared memory while it is summed, from
// compute capability 9.0 on in that of up to 16 blocks (1.8 million classes of bf16 on an H100),
// before in that of one (82 thousand on an A100). Where rows are longer, or the classes come in
// several blocks or are spread over ranks, rowStatistics reads them once and rowGradients reads and
// writes them. No sum depends on the order in which blocks run.

#pragma once

#include "kernels/cuda/head_kernels.h"

namespace sphereface {

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

}  // namespace sphereface
