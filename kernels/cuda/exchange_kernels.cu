// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/exchange_kernels.h"

#include "base/positive.h"
#include "kernels/cuda/warp_rows.cuh"

namespace sphereface {
namespace {

__global__ void offerTopsKernel(size_t images, const SoftmaxOthers* others, float* tops) {
  const size_t image = threadIndex();
  if (image < images) tops[image] = others[image].top;
}

__global__ void offerSumsKernel(size_t images, HeadImages of, const float* tops, float* sums) {
  const size_t image = threadIndex();
  if (image >= images) return;
  const SoftmaxOthers own = of.others[image];
  // Without a class but the label there is nothing to scale; NaN must not be passed over.
  const bool none = own.top == -INFINITY && own.sum == 0;
  const double scale = exp(static_cast<double>(own.top) - static_cast<double>(tops[image]));
  sums[image] = none ? 0.0F : static_cast<float>(own.sum * scale);
  sums[images + image] = of.target[image].logit;
}

__global__ void takeSoftmaxKernel(size_t images, const float* tops, const float* sums,
                                  HeadImages of) {
  const size_t image = threadIndex();
  if (image >= images) return;
  of.others[image] = {tops[image], static_cast<double>(sums[image])};
  of.target[image].logit = sums[images + image];
}

__global__ void takeRowsKernel(const int32_t* rows, size_t count, size_t dim, const float* all,
                               float* part) {
  const size_t row = warpRow();
  if (row >= count) return;
  const float* const from = all + static_cast<size_t>(rows[row]) * dim;
  for (size_t k = static_cast<size_t>(laneOfWarp()); k < dim; k += kWarp)
    part[row * dim + k] = from[k];
}

__global__ void putRowsKernel(const int32_t* rows, size_t count, size_t dim, const float* part,
                              float* all) {
  const size_t row = warpRow();
  if (row >= count) return;
  float* const to = all + static_cast<size_t>(rows[row]) * dim;
  for (size_t k = static_cast<size_t>(laneOfWarp()); k < dim; k += kWarp)
    to[k] = part[row * dim + k];
}

}  // namespace

void offerTops(int images, const HeadImages& of, float* tops, cudaStream_t stream) {
  launch("offer the largest logits", offerTopsKernel, threadEach(positive(images)), stream, images,
         of.others, tops);
}

void offerSums(int images, const HeadImages& of, const float* tops, float* sums,
               cudaStream_t stream) {
  launch("offer the softmax's sums", offerSumsKernel, threadEach(positive(images)), stream, images,
         of, tops, sums);
}

void takeSoftmax(int images, const float* tops, const float* sums, const HeadImages& of,
                 cudaStream_t stream) {
  launch("take the softmax of all ranks", takeSoftmaxKernel, threadEach(positive(images)), stream,
         images, tops, sums, of);
}

void takeRows(const int32_t* rows, int count, int dim, const float* all, float* part,
              cudaStream_t stream) {
  launch("take rows", takeRowsKernel, warpEach(count), stream, rows, count, dim, all, part);
}

void putRows(const int32_t* rows, int count, int dim, const float* part, float* all,
             cudaStream_t stream) {
  launch("put rows back", putRowsKernel, warpEach(count), stream, rows, count, dim, part, all);
}

}  // namespace sphereface
