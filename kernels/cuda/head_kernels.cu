// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/head_kernels.h"

#include "base/positive.h"
#include "kernels/cuda/warp_rows.cuh"

namespace sphereface {
namespace {

constexpr int kThreads = 256;
// ---------------------------------------------------------------------------- rows of W and of x

template <class T>
__global__ void normalizeClassesKernel(int rows, int dim, bool normalize, float* W, T* packed) {
  const size_t row = warpRow();
  if (row >= static_cast<size_t>(rows)) return;
  float* const w = W + row * static_cast<size_t>(dim);
  float factor = 1;
  if (normalize) {
    const double square = warpDot(w, w, dim);
    if (square > 0 && !(fabs(square - 1) <= kUnitSquareError)) {
      factor = static_cast<float>(1 / sqrt(square));
    }
  }
  T* const to =
      packed == nullptr ? nullptr : packed + row * static_cast<size_t>(paddedToPacks(dim));
  for (int k = laneOfWarp(); k < dim; k += kWarp) {
    const float value = w[k] * factor;
    if (factor != 1) w[k] = value;
    if (to != nullptr) storeFloat(to[k], value);
  }
}

template <class T>
__global__ void normalizeEmbeddingsKernel(int images, int dim, const float* x, bool unit_features,
                                          float* norms, T* features) {
  const size_t image = warpRow();
  if (image >= static_cast<size_t>(images)) return;
  const float* const row = x + image * static_cast<size_t>(dim);
  const double norm = sqrt(warpDot(row, row, dim));
  const double divisor = unit_features ? norm : 1;
  T* const to = features + image * static_cast<size_t>(paddedToPacks(dim));
  for (int k = laneOfWarp(); k < dim; k += kWarp)
    storeFloat(to[k], divisor == 0 ? 0.0F : static_cast<float>(row[k] / divisor));
  if (laneOfWarp() == 0) norms[image] = static_cast<float>(norm);
}

__global__ void findTargetsKernel(const HeadRule* rule, int images, int dim, const float* x,
                                  const float* W, ClassRange range, HeadImages out) {
  const size_t image = warpRow();
  if (image >= static_cast<size_t>(images)) return;
  HeadTarget target;
  const int label = out.labels[image];
  if (range.has(label)) {
    const float* const row = x + image * static_cast<size_t>(dim);
    const float* const w = W + static_cast<size_t>(label - range.first) * static_cast<size_t>(dim);
    const float norm = out.norm[image];
    const double divisor = normalizesEmbedding(rule->type) ? static_cast<double>(norm) : 1;
    const double product = warpDot(row, w, dim);
    const double weights_norm = sqrt(warpDot(w, w, dim));
    target = headTarget(*rule, divisor == 0 ? 0.0F : static_cast<float>(product / divisor), norm,
                        weights_norm);
  }
  if (laneOfWarp() == 0) out.target[image] = target;
}

template <class T>
__global__ void patchTargetsKernel(LogitBlock<T> block, HeadImages of) {
  const int image = static_cast<int>(threadIndex());
  if (image >= block.images || !block.classes.has(of.labels[image])) return;
  const int column = of.labels[image] - block.classes.first;
  storeFloat(block.z[static_cast<size_t>(image) * block.pitch + static_cast<size_t>(column)],
             of.gradient[image].for_x);
}

// ---------------------------------------------------------------------------- after the products

__global__ void projectClassesKernel(int rows, int dim, const float* W, float* dW) {
  const size_t row = warpRow();
  if (row >= static_cast<size_t>(rows)) return;
  const float* const w = W + row * static_cast<size_t>(dim);
  float* const d = dW + row * static_cast<size_t>(dim);
  const auto along = static_cast<float>(warpDot(w, d, dim));
  for (int k = laneOfWarp(); k < dim; k += kWarp)
    d[k] -= along * w[k];
}

__global__ void finishEmbeddingsKernel(int images, int dim, const float* x, bool unit_features,
                                       HeadImages of, float* dx) {
  const size_t image = warpRow();
  if (image >= static_cast<size_t>(images)) return;
  const float* const row = x + image * static_cast<size_t>(dim);
  float* const d = dx + image * static_cast<size_t>(dim);
  const float norm = of.norm[image];
  float for_x = of.gradient[image].for_embedding;
  float for_d = 1;
  if (unit_features) {
    for_d = norm == 0 ? 0 : 1 / norm;
    for_x = -static_cast<float>(warpDot(row, d, dim)) * for_d * for_d * for_d;
  }
  for (int k = laneOfWarp(); k < dim; k += kWarp)
    d[k] = for_d * d[k] + for_x * row[k];
}

__global__ void sumStatsKernel(int images, const ImageStats* stats, HeadStats* sums) {
  double loss = 0;
  double cosine = 0;
  // Whole numbers this small are exact.
  double correct = 0;
  double past_margin = 0;
  double zero_norm = 0;
  for (int image = static_cast<int>(threadIdx.x); image < images; image += kThreads) {
    loss += stats[image].loss;
    cosine += static_cast<double>(stats[image].cosine);
    correct += stats[image].correct ? 1 : 0;
    past_margin += stats[image].past_margin ? 1 : 0;
    zero_norm += stats[image].zero_norm ? 1 : 0;
  }
  loss = blockReduce<kThreads>(loss, 0.0, Add());
  cosine = blockReduce<kThreads>(cosine, 0.0, Add());
  correct = blockReduce<kThreads>(correct, 0.0, Add());
  past_margin = blockReduce<kThreads>(past_margin, 0.0, Add());
  zero_norm = blockReduce<kThreads>(zero_norm, 0.0, Add());
  if (threadIdx.x > 0) return;
  sums->loss_sum = loss;
  sums->mhe_sum = 0;
  sums->target_cosine_sum = cosine;
  sums->correct = static_cast<int64_t>(correct);
  sums->past_margin = static_cast<int64_t>(past_margin);
  sums->zero_norm = static_cast<int64_t>(zero_norm);
}

}  // namespace

template <class T>
void normalizeClasses(int rows, int dim, bool normalize, float* W, T* packed, cudaStream_t stream) {
  launch("normalise classes", normalizeClassesKernel<T>, warpEach(rows), stream, rows, dim,
         normalize, W, packed);
}

template <class T>
void normalizeEmbeddings(int images, int dim, const float* x, bool unit_features,
                         const HeadImages& out, T* features, cudaStream_t stream) {
  launch("normalise embeddings", normalizeEmbeddingsKernel<T>, warpEach(images), stream, images,
         dim, x, unit_features, out.norm, features);
}

void findTargets(const HeadRule* rule, int images, int dim, const float* x, const float* W,
                 ClassRange range, const HeadImages& out, cudaStream_t stream) {
  launch("labels' logits", findTargetsKernel, warpEach(images), stream, rule, images, dim, x, W,
         range, out);
}

template <class T>
void patchTargets(const LogitBlock<T>& block, const HeadImages& of, cudaStream_t stream) {
  launch("labels' gradients", patchTargetsKernel<T>, threadEach(positive(block.images)), stream,
         block, of);
}

void projectClasses(int rows, int dim, const float* W, float* dW, cudaStream_t stream) {
  launch("project class gradients", projectClassesKernel, warpEach(rows), stream, rows, dim, W, dW);
}

void finishEmbeddings(int images, int dim, const float* x, bool unit_features, const HeadImages& of,
                      float* dx, cudaStream_t stream) {
  launch("finish embedding gradients", finishEmbeddingsKernel, warpEach(images), stream, images,
         dim, x, unit_features, of, dx);
}

void sumStats(int images, const HeadImages& of, HeadStats* sums, cudaStream_t stream) {
  launch("sum statistics", sumStatsKernel, {dim3(1), dim3(kThreads)}, stream, images, of.stats,
         sums);
}

#define SPHEREFACE_FOR_TYPE(T)                                                           \
  template void normalizeClasses(int, int, bool, float*, T*, cudaStream_t);              \
  template void normalizeEmbeddings(int, int, const float*, bool, const HeadImages&, T*, \
                                    cudaStream_t);                                       \
  template void patchTargets(const LogitBlock<T>&, const HeadImages&, cudaStream_t);
SPHEREFACE_FOR_TYPE(float)
SPHEREFACE_FOR_TYPE(Bf16)
#undef SPHEREFACE_FOR_TYPE

}  // namespace sphereface
