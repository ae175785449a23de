// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/head_kernels.h"

#include <algorithm>

#include "base/positive.h"
#include "kernels/cuda/warp_rows.cuh"

namespace sphereface {
namespace {

constexpr int kThreads = 256;
// Packs of a row that a thread of rowStatistics and rowGradients has.
constexpr int kPacksOfAThread = 4;
constexpr int kColumnsOfABlock = kThreads * kPacksOfAThread * kPack;
// Shared memory of a row, so that a multiprocessor has at least two rows at a time: one is computed
// while the other moves.
constexpr size_t kMostRowBytes = size_t{96} << 10;
constexpr float kLog2E = 1.44269504F;

__device__ float negativeInfinity() {
  return -INFINITY;
}

/// exp(x), by the hardware's power of two.
__device__ float exponential(float x) {
  return exp2f(x * kLog2E);
}

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

// ------------------------------------------------------------------------------- a row of logits

/// The logit of z, or -infinity where there is none to count: the label, the padding.
template <bool kFractional>
__device__ float otherLogit(const HeadRule& rule, float z, int column, int columns, int target) {
  if (column >= columns || column == target) return negativeInfinity();
  return rule.scale * (kFractional ? fractionalCosine(rule.fractional, z).psi : z);
}

/// d loss / d z of another class.
template <bool kFractional>
__device__ float otherGradient(const HeadRule& rule, const SoftmaxShift& softmax, float z) {
  if (!kFractional) {
    return softmax.factor * exponential(rule.scale * z - softmax.shift);
  }
  const MarginValue<float> part = fractionalCosine(rule.fractional, z);
  const float g = softmax.factor * exponential(rule.scale * part.psi - softmax.shift);
  return rule.gradient == HeadOptions::Gradient::kExact ? g * part.derivative : g;
}

/// The top of a block's threads, and their sum of exponentials.
template <class ForEachLogit>
__device__ RowPart blockPart(const ForEachLogit& forEachLogit) {
  float top = negativeInfinity();
  forEachLogit([&](float logit) { top = fmaxf(top, logit); });
  top = blockReduce<kThreads>(top, negativeInfinity(), Larger());
  float sum = 0;
  forEachLogit([&](float logit) {
    // Without any logit, which -infinity stands for; NaN must not be passed over.
    if (logit != negativeInfinity()) sum += exponential(logit - top);
  });
  return {top, blockReduce<kThreads>(sum, 0.0F, Add())};
}

__device__ void addPart(const RowPart& part, SoftmaxOthers& others) {
  if (part.top == negativeInfinity() && part.sum == 0) return;
  if (part.top > others.top) {
    others.sum *= exp(static_cast<double>(others.top) - static_cast<double>(part.top));
    others.top = part.top;
  }
  others.sum += static_cast<double>(part.sum) *
                exp(static_cast<double>(part.top) - static_cast<double>(others.top));
}

/// What is known of an image when the other classes are.
__device__ SoftmaxShift finishImage(const HeadRule& rule, size_t image, ClassRange range,
                                    const HeadImages& out) {
  const SoftmaxOthers others = out.others[image];
  const HeadTarget target = out.target[image];
  const ImageSoftmax softmax = imageSoftmax(others, target.logit);
  const SoftmaxShift shift = softmaxShift(rule, softmax);
  out.softmax[image] = shift;
  TargetGradient gradient;
  ImageStats stats;
  if (range.has(out.labels[image])) {
    gradient = targetGradient(rule, softmax, target, out.norm[image]);
    stats = imageStats(rule, softmax, others, target, out.norm[image]);
  }
  out.gradient[image] = gradient;
  out.stats[image] = stats;
  return shift;
}

template <class T, bool kFractional>
__global__ void rowStatisticsKernel(const HeadRule* rule_memory, LogitBlock<T> block,
                                    const int32_t* labels, RowPart* parts) {
  const HeadRule rule = *rule_memory;
  const size_t image = blockIdx.y;
  const int target = labels[image] - block.classes.first;
  const auto* const row = reinterpret_cast<const Pack<T>*>(block.z + image * block.pitch);
  float logits[kPacksOfAThread * kPack];
  for (int p = 0; p < kPacksOfAThread; ++p) {
    const int at = (static_cast<int>(blockIdx.x) * kPacksOfAThread + p) * kThreads +
                   static_cast<int>(threadIdx.x);
    Pack<T> pack = {};
    if (at * kPack < block.classes.count) pack = row[at];
    for (int k = 0; k < kPack; ++k) {
      logits[p * kPack + k] = otherLogit<kFractional>(rule, toFloat(pack.lane[k]), at * kPack + k,
                                                      block.classes.count, target);
    }
  }
  const RowPart part = blockPart([&](const auto& use) {
    for (const float logit : logits)
      use(logit);
  });
  if (threadIdx.x == 0) parts[static_cast<size_t>(blockIdx.x) * gridDim.y + image] = part;
}

__global__ void mergeStatisticsKernel(const RowPart* parts, int count, int images,
                                      SoftmaxOthers* others) {
  const int image = static_cast<int>(threadIndex());
  if (image >= images) return;
  SoftmaxOthers merged = {negativeInfinity(), 0};
  for (int part = 0; part < count; ++part)
    addPart(
        parts[static_cast<size_t>(part) * static_cast<size_t>(images) + static_cast<size_t>(image)],
        merged);
  others[image] = merged;
}

__global__ void finishImagesKernel(const HeadRule* rule, int images, ClassRange range,
                                   HeadImages out) {
  const int image = static_cast<int>(threadIndex());
  if (image < images) finishImage(*rule, static_cast<size_t>(image), range, out);
}

/// A pack's gradients in place.
template <class T, bool kFractional>
__device__ void packGradients(const HeadRule& rule, const SoftmaxShift& softmax, float for_target,
                              int target, int first_column, Pack<T>& pack) {
  for (int k = 0; k < kPack; ++k) {
    const float g = first_column + k == target
                        ? for_target
                        : otherGradient<kFractional>(rule, softmax, toFloat(pack.lane[k]));
    storeFloat(pack.lane[k], g);
  }
}

template <class T, bool kFractional>
__global__ void rowGradientsKernel(const HeadRule* rule_memory, LogitBlock<T> block,
                                   HeadImages of) {
  const HeadRule rule = *rule_memory;
  const size_t image = blockIdx.y;
  const int target = of.labels[image] - block.classes.first;
  const SoftmaxShift softmax = of.softmax[image];
  const float for_target = of.gradient[image].for_w;
  auto* const row = reinterpret_cast<Pack<T>*>(block.z + image * block.pitch);
  for (int p = 0; p < kPacksOfAThread; ++p) {
    const int at = (static_cast<int>(blockIdx.x) * kPacksOfAThread + p) * kThreads +
                   static_cast<int>(threadIdx.x);
    if (at * kPack >= block.classes.count) return;
    Pack<T> pack = row[at];
    packGradients<T, kFractional>(rule, softmax, for_target, target, at * kPack, pack);
    row[at] = pack;
  }
}

template <class T, bool kFractional>
__global__ void rowSoftmaxKernel(const HeadRule* rule_memory, LogitBlock<T> block, HeadImages out) {
  __shared__ float of_image[3];  // shift, factor, the label's gradient
  const HeadRule rule = *rule_memory;
  const size_t image = blockIdx.x;
  const int count = block.classes.count;
  const int target = out.labels[image] - block.classes.first;
  const int packs = (count + kPack - 1) / kPack;
  auto* const row = reinterpret_cast<Pack<T>*>(block.z + image * block.pitch);
  auto* const kept = dynamicShared<Pack<T>>();
  for (int at = static_cast<int>(threadIdx.x); at < packs; at += kThreads)
    kept[at] = row[at];
  // A thread reads again what it wrote itself.
  const RowPart part = blockPart([&](const auto& use) {
    for (int at = static_cast<int>(threadIdx.x); at < packs; at += kThreads) {
      for (int k = 0; k < kPack; ++k) {
        use(otherLogit<kFractional>(rule, toFloat(kept[at].lane[k]), at * kPack + k, count,
                                    target));
      }
    }
  });
  if (threadIdx.x == 0) {
    out.others[image] = {part.top, part.sum};
    const SoftmaxShift softmax = finishImage(rule, image, block.classes, out);
    of_image[0] = softmax.shift;
    of_image[1] = softmax.factor;
    of_image[2] = out.gradient[image].for_w;
  }
  __syncthreads();
  const SoftmaxShift softmax = {of_image[0], of_image[1]};
  const float for_target = of_image[2];
  for (int at = static_cast<int>(threadIdx.x); at < packs; at += kThreads) {
    Pack<T> pack = kept[at];
    packGradients<T, kFractional>(rule, softmax, for_target, target, at * kPack, pack);
    row[at] = pack;
  }
}

template <class T>
__global__ void patchTargetsKernel(LogitBlock<T> block, HeadImages of) {
  const int image = static_cast<int>(threadIndex());
  if (image >= block.images || !block.classes.has(of.labels[image])) return;
  const int column = of.labels[image] - block.classes.first;
  storeFloat(block.z[static_cast<size_t>(image) * block.pitch + static_cast<size_t>(column)],
             of.gradient[image].for_x);
}

// -------------------------------------------------------------------------------- after the
// products

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

template <class T, bool kFractional>
void rowSoftmaxOf(const HeadRule* rule, const LogitBlock<T>& block, const HeadImages& out,
                  cudaStream_t stream) {
  auto* const kernel = rowSoftmaxKernel<T, kFractional>;
  static const cudaError_t asked = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(kMostRowBytes));
  check(asked, "ask for shared memory");
  LaunchShape shape = {dim3(static_cast<unsigned>(block.images)), dim3(kThreads)};
  shape.shared_bytes = static_cast<size_t>(paddedToPacks(block.classes.count)) * sizeof(T);
  launch("softmax", kernel, shape, stream, rule, block, out);
}

LaunchShape rowsInParts(int classes, int images) {
  return {dim3(static_cast<unsigned>(statisticsParts(classes)), static_cast<unsigned>(images)),
          dim3(kThreads)};
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

int statisticsParts(int classes) {
  return static_cast<int>(blocksFor(static_cast<size_t>(classes), kColumnsOfABlock));
}

template <class T>
void rowStatistics(const HeadRule* rule, bool fractional, const LogitBlock<T>& block,
                   const int32_t* labels, RowPart* parts, cudaStream_t stream) {
  launch("softmax statistics",
         fractional ? rowStatisticsKernel<T, true> : rowStatisticsKernel<T, false>,
         rowsInParts(block.classes.count, block.images), stream, rule, block, labels, parts);
}

void mergeStatistics(const RowPart* parts, int count, int images, const HeadImages& out,
                     cudaStream_t stream) {
  launch("merge softmax statistics", mergeStatisticsKernel, threadEach(positive(images)), stream,
         parts, count, images, out.others);
}

void finishImages(const HeadRule* rule, int images, ClassRange range, const HeadImages& out,
                  cudaStream_t stream) {
  launch("finish softmax", finishImagesKernel, threadEach(positive(images)), stream, rule, images,
         range, out);
}

template <class T>
void rowGradients(const HeadRule* rule, bool fractional, const LogitBlock<T>& block,
                  const HeadImages& of, cudaStream_t stream) {
  launch("logits' gradients",
         fractional ? rowGradientsKernel<T, true> : rowGradientsKernel<T, false>,
         rowsInParts(block.classes.count, block.images), stream, rule, block, of);
}

template <class T>
bool fitsRowSoftmax(int classes) {
  return static_cast<size_t>(paddedToPacks(classes)) * sizeof(T) <= kMostRowBytes;
}

template <class T>
void rowSoftmax(const HeadRule* rule, bool fractional, const LogitBlock<T>& block,
                const HeadImages& out, cudaStream_t stream) {
  if (fractional) {
    rowSoftmaxOf<T, true>(rule, block, out, stream);
  } else {
    rowSoftmaxOf<T, false>(rule, block, out, stream);
  }
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

#define SPHEREFACE_FOR_TYPE(T)                                                               \
  template void normalizeClasses(int, int, bool, float*, T*, cudaStream_t);                  \
  template void normalizeEmbeddings(int, int, const float*, bool, const HeadImages&, T*,     \
                                    cudaStream_t);                                           \
  template void rowStatistics(const HeadRule*, bool, const LogitBlock<T>&, const int32_t*,   \
                              RowPart*, cudaStream_t);                                       \
  template void rowGradients(const HeadRule*, bool, const LogitBlock<T>&, const HeadImages&, \
                             cudaStream_t);                                                  \
  template bool fitsRowSoftmax<T>(int);                                                      \
  template void rowSoftmax(const HeadRule*, bool, const LogitBlock<T>&, const HeadImages&,   \
                           cudaStream_t);                                                    \
  template void patchTargets(const LogitBlock<T>&, const HeadImages&, cudaStream_t);
SPHEREFACE_FOR_TYPE(float)
SPHEREFACE_FOR_TYPE(Bf16)
#undef SPHEREFACE_FOR_TYPE

}  // namespace sphereface
