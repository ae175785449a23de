// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a head whose classes are spread over ranks does before and after it asks the others, and the
// rows of a sample of them.

#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/head_kernels.h"

namespace sphereface {

/// The softmax over the classes here, as numbers that ranks can combine: tops [images] of which the
/// maximum is wanted.
void offerTops(int images, const HeadImages& of, float* tops, cudaStream_t stream);

/// And, when tops are the maxima, sums [2, images]: of exp(logit - maximum) over the other classes,
/// and the label's logit, 0 where the label isn't here.
void offerSums(int images, const HeadImages& of, const float* tops, float* sums,
               cudaStream_t stream);

/// From both over all ranks to of.others and the labels' logits.
void takeSoftmax(int images, const float* tops, const float* sums, const HeadImages& of,
                 cudaStream_t stream);

/// part [count, dim] = rows of all [., dim], or the way back.
void takeRows(const int32_t* rows, int count, int dim, const float* all, float* part,
              cudaStream_t stream);
void putRows(const int32_t* rows, int count, int dim, const float* part, float* all,
             cudaStream_t stream);

}  // namespace sphereface
