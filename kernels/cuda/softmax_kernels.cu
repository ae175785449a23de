// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/softmax_kernels.h"

#include <cuda_pipeline.h>

#include <algorithm>

#include "base/positive.h"
#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/warp_rows.cuh"

namespace sphereface {
namespace {

constexpr int kThreads = 256;
// Packs of a row that a thread of rowStatistics and rowGradients has.
constexpr int kPacksOfAThread = 4;
constexpr int kColumnsOfABlock = kThreads * kPacksOfAThread * kPack;
// Shared memory of a block of rowSoftmax, so that a multiprocessor has at least two at a time: one
// computes while the other moves.
constexpr size_t kGoodRowBytes = size_t{96} << 10;
// Up to here a multiprocessor has four blocks; where it has two, and one, they get more threads.
constexpr size_t kNarrowRowBytes = size_t{55} << 10;
constexpr int kWideThreads = 512;
// Whose registers leave room for as many threads.
constexpr int kThreadsOfAMultiprocessor = 1024;
// More than 8 blocks of a cluster have to be asked for.
constexpr int kPortableCluster = 8;
constexpr int kLargestCluster = 16;
// The kernel's own shared memory and what CUDA takes of a block's.
constexpr size_t kOtherSharedBytes = size_t{2} << 10;
constexpr float kLog2E = 1.44269504F;

__device__ float negativeInfinity() {
  return -INFINITY;
}

/// What a row needs of the rule, read once.
template <bool kFractional>
struct RowRule {
  float scale;
  bool exact;
  FractionalCosine fractional;

  __device__ explicit RowRule(const HeadRule& rule)
      : scale(rule.scale),
        exact(rule.gradient == HeadOptions::Gradient::kExact),
        fractional(rule.fractional) {}
  /// The logit of z, without its scale.
  __device__ float unscaledLogit(float z) const {
    return kFractional ? fractionalCosine(fractional, z).psi : z;
  }
};

/// exp(scale x - shift), by the hardware's power of two.
class ScaledExponential {
 public:
  __device__ ScaledExponential(float scale, float shift)
      : scale_(scale * kLog2E), shift_(shift * kLog2E) {}
  __device__ float operator()(float x) const { return exp2f(fmaf(scale_, x, -shift_)); }

 private:
  float scale_;
  float shift_;
};

/// Columns of a row of logits, numbered from the first of those that a block has.
struct Columns {
  int count = 0;   // those after it are padding
  int target = 0;  // the label's, wherever that is

  /// Whether it is another class's.
  __device__ bool isOther(int column) const { return column < count && column != target; }
  /// Whether all lanes of the pack that begins there are.
  __device__ bool areOthers(int first) const {
    return first + kPack <= count && (target < first || target >= first + kPack);
  }
};

/// use(z) of the pack's lanes that are other classes': not the label's, not padding.
template <class T, class Use>
__device__ void forOthers(const Pack<T>& pack, int first, const Columns& columns, const Use& use) {
  if (columns.areOthers(first)) {
    for (const T z : pack.lane)
      use(toFloat(z));
  } else {
    for (int k = 0; k < kPack; ++k) {
      if (columns.isOther(first + k)) use(toFloat(pack.lane[k]));
    }
  }
}

/// Of a block's logits but the label's, each of which forEach passes, unscaled, to what it is
/// given.
template <int kBlockThreads, class ForEach>
__device__ RowPart blockPart(float scale, const ForEach& forEach) {
  float largest = negativeInfinity();
  forEach([&](float x) { largest = fmaxf(largest, x); });
  largest = blockReduce<kBlockThreads>(largest, negativeInfinity(), Larger());
  // NaN, which the largest passes over, must reach the sum.
  const ScaledExponential exponential(scale, scale * largest);
  float sum = 0;
  forEach([&](float x) { sum += exponential(x); });
  return {scale * largest, blockReduce<kBlockThreads>(sum, 0.0F, Add())};
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
struct FinishedImage {
  SoftmaxShift softmax;
  TargetGradient gradient;
  ImageStats stats;
};

__device__ FinishedImage finishImage(const HeadRule& rule, size_t image, ClassRange range,
                                     const SoftmaxOthers& others, const HeadImages& of) {
  const HeadTarget target = of.target[image];
  const float norm = of.norm[image];
  const ImageSoftmax softmax = imageSoftmax(others, target.logit);
  FinishedImage finished;
  finished.softmax = softmaxShift(rule, softmax);
  if (range.has(of.labels[image])) {
    finished.gradient = targetGradient(rule, softmax, target, norm);
    finished.stats = imageStats(rule, softmax, others, target, norm);
  }
  return finished;
}

__device__ void keep(const FinishedImage& finished, size_t image, const HeadImages& out) {
  out.softmax[image] = finished.softmax;
  out.gradient[image] = finished.gradient;
  out.stats[image] = finished.stats;
}

template <class T, bool kFractional>
__global__ void rowStatisticsKernel(const HeadRule* rule, LogitBlock<T> block,
                                    const int32_t* labels, RowPart* parts) {
  const RowRule<kFractional> of_row(*rule);
  const size_t image = blockIdx.y;
  const Columns columns = {block.classes.count, labels[image] - block.classes.first};
  const auto* const row = reinterpret_cast<const Pack<T>*>(block.z + image * block.pitch);
  const int first =
      static_cast<int>(blockIdx.x) * kPacksOfAThread * kThreads + static_cast<int>(threadIdx.x);
  float logits[kPacksOfAThread * kPack];
  for (int p = 0; p < kPacksOfAThread; ++p) {
    const int at = first + p * kThreads;
    Pack<T> pack = {};
    if (at * kPack < columns.count) pack = row[at];
    for (int k = 0; k < kPack; ++k) {
      const float x = of_row.unscaledLogit(toFloat(pack.lane[k]));
      logits[p * kPack + k] = columns.isOther(at * kPack + k) ? x : negativeInfinity();
    }
  }
  const RowPart part = blockPart<kThreads>(of_row.scale, [&](const auto& use) {
    for (const float x : logits) {
      if (x != negativeInfinity()) use(x);
    }
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
  if (image >= images) return;
  const auto at = static_cast<size_t>(image);
  keep(finishImage(*rule, at, range, out.others[at], out), at, out);
}

/// From logits to their gradients.
template <bool kFractional>
class RowGradient {
 public:
  __device__ RowGradient(const RowRule<kFractional>& rule, const SoftmaxShift& softmax)
      : rule_(rule), exponential_(rule.scale, softmax.shift), factor_(softmax.factor) {}

  /// In place, as if all were other classes'.
  template <class T>
  __device__ void turn(Pack<T>& pack) const {
    SPHEREFACE_UNROLL
    for (T& lane : pack.lane)
      storeFloat(lane, ofOther(toFloat(lane)));
  }

 private:
  __device__ float ofOther(float z) const {
    if (!kFractional) return factor_ * exponential_(z);
    const MarginValue<float> part = fractionalCosine(rule_.fractional, z);
    const float g = factor_ * exponential_(part.psi);
    return rule_.exact ? g * part.derivative : g;
  }

  const RowRule<kFractional>& rule_;
  ScaledExponential exponential_;
  float factor_;
};

template <class T, bool kFractional>
__global__ void rowGradientsKernel(const HeadRule* rule, LogitBlock<T> block, HeadImages of) {
  const RowRule<kFractional> of_row(*rule);
  const size_t image = blockIdx.y;
  const int target = of.labels[image] - block.classes.first;
  const RowGradient<kFractional> gradient(of_row, of.softmax[image]);
  T* const logits = block.z + image * block.pitch;
  auto* const row = reinterpret_cast<Pack<T>*>(logits);
  for (int p = 0; p < kPacksOfAThread; ++p) {
    const int at = (static_cast<int>(blockIdx.x) * kPacksOfAThread + p) * kThreads +
                   static_cast<int>(threadIdx.x);
    if (at * kPack >= block.classes.count) return;
    Pack<T> pack = row[at];
    gradient.turn(pack);
    row[at] = pack;
    if (target >= at * kPack && target < (at + 1) * kPack)
      storeFloat(logits[target], of.gradient[image].for_w);
  }
}

/// Begins to copy a pack to shared memory.
template <class T>
__device__ void copyAsync(Pack<T>* to, const Pack<T>* from) {
  constexpr size_t kWord = 16;
  for (size_t at = 0; at < sizeof(Pack<T>); at += kWord)
    __pipeline_memcpy_async(reinterpret_cast<char*>(to) + at,
                            reinterpret_cast<const char*>(from) + at, kWord);
}

/// A row for each y of the grid, shared by the blocks of a cluster.
template <class T, bool kFractional, int kBlockThreads>
__global__ void __launch_bounds__(kBlockThreads, kThreadsOfAMultiprocessor / kBlockThreads)
    rowSoftmaxKernel(const HeadRule* rule, LogitBlock<T> block, int packs_of_a_block,
                     HeadImages out) {
  __shared__ float of_image[3];  // shift, factor, the label's gradient
  const RowRule<kFractional> of_row(*rule);
  const size_t image = blockIdx.y;
  const int thread = static_cast<int>(threadIdx.x);
  const int first = static_cast<int>(blockIdx.x) * packs_of_a_block;
  const int left = paddedToPacks(block.classes.count) / kPack - first;
  const int packs = left < packs_of_a_block ? left : packs_of_a_block;  // none: less than 1
  const Columns columns = {block.classes.count - first * kPack,
                           out.labels[image] - block.classes.first - first * kPack};
  T* const logits = block.z + image * block.pitch + static_cast<size_t>(first) * kPack;
  auto* const row = reinterpret_cast<Pack<T>*>(logits);
  auto* const kept = dynamicShared<Pack<T>>();
  auto* const own_part = reinterpret_cast<RowPart*>(kept + packs_of_a_block);

  // A thread reads what it copied itself.
  for (int at = thread; at < packs; at += kBlockThreads)
    copyAsync(kept + at, row + at);
  __pipeline_commit();
  __pipeline_wait_prior(0);
  const RowPart part = blockPart<kBlockThreads>(of_row.scale, [&](const auto& use) {
    for (int at = thread; at < packs; at += kBlockThreads) {
      forOthers(kept[at], at * kPack, columns, [&](float z) { use(of_row.unscaledLogit(z)); });
    }
  });
  if (thread == 0) *own_part = part;
  const bool shared_out = gridDim.x > 1;
  if (shared_out) {
    clusterBarrier();
  } else {
    __syncthreads();
  }
  // All blocks come to the same.
  if (thread < kWarp) {
    RowPart of_lane = {negativeInfinity(), 0};
    if (thread < static_cast<int>(gridDim.x)) of_lane = *ofClusterBlock(own_part, thread);
    const float top = warpReduce(of_lane.top, Larger());
    auto sum = static_cast<double>(of_lane.sum);
    if (of_lane.top != negativeInfinity())
      sum *= exp(static_cast<double>(of_lane.top) - static_cast<double>(top));
    const SoftmaxOthers others = {top, warpReduce(sum, Add())};
    if (thread == 0) {
      const FinishedImage finished = finishImage(*rule, image, block.classes, others, out);
      of_image[0] = finished.softmax.shift;
      of_image[1] = finished.softmax.factor;
      of_image[2] = finished.gradient.for_w;
      if (blockIdx.x == 0) keep(finished, image, out);
    }
  }
  // No block may end before the others have read its part; who still reads arrives later.
  if (shared_out) clusterArrive();
  __syncthreads();
  const RowGradient<kFractional> gradient(of_row, {of_image[0], of_image[1]});
  for (int at = thread; at < packs; at += kBlockThreads) {
    Pack<T> pack = kept[at];
    gradient.turn(pack);
    row[at] = pack;
  }
  // After its pack, by who wrote that.
  const int target = columns.target;
  if (target >= 0 && target < packs * kPack && target / kPack % kBlockThreads == thread)
    storeFloat(logits[target], of_image[2]);
  if (shared_out) clusterWait();
}

// ------------------------------------------------------------------------------------- launchers

template <class T>
size_t rowSoftmaxBytes(int packs) {
  return static_cast<size_t>(packs) * sizeof(Pack<T>) + sizeof(RowPart);
}

template <class T>
using RowSoftmaxKernel = void (*)(const HeadRule*, LogitBlock<T>, int, HeadImages);

/// The kernel for rows so divided, and how it is launched.
template <class T>
struct RowSoftmaxLaunch {
  RowSoftmaxKernel<T> kernel;
  LaunchShape shape;

  RowSoftmaxLaunch(bool fractional, const RowDivision& division, int images) {
    const bool wide = rowSoftmaxBytes<T>(division.packs) > kNarrowRowBytes;
    if (wide) {
      kernel = fractional ? rowSoftmaxKernel<T, true, kWideThreads>
                          : rowSoftmaxKernel<T, false, kWideThreads>;
    } else {
      kernel =
          fractional ? rowSoftmaxKernel<T, true, kThreads> : rowSoftmaxKernel<T, false, kThreads>;
    }
    shape.grid = dim3(static_cast<unsigned>(division.blocks), static_cast<unsigned>(images));
    shape.block = dim3(wide ? kWideThreads : kThreads);
    shape.shared_bytes = rowSoftmaxBytes<T>(division.packs);
    shape.cluster = static_cast<unsigned>(division.blocks);
  }

  void allow() const {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shape.shared_bytes)),
          "ask for shared memory");
    if (shape.cluster <= kPortableCluster) return;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1),
          "ask for a large cluster");
  }
};

int deviceAttribute(cudaDeviceAttr attribute) {
  int device = 0;
  int value = 0;
  check(cudaGetDevice(&device), "ask for the GPU's properties");
  check(cudaDeviceGetAttribute(&value, attribute, device), "ask for the GPU's properties");
  return value;
}

/// Whether the card has room for a cluster of that shape.
template <class T>
bool hasRoom(const RowDivision& division) {
  if (division.blocks == 1) return true;
  const RowSoftmaxLaunch<T> launch(false, division, 1);
  launch.allow();
  int clusters = 0;
  const cudaError_t status = cudaOccupancyMaxActiveClusters(
      &clusters, launch.kernel, LaunchConfig(launch.shape, nullptr).get());
  static_cast<void>(cudaGetLastError());
  return status == cudaSuccess && clusters > 0;
}

LaunchShape rowsInParts(int classes, int images) {
  return {dim3(static_cast<unsigned>(statisticsParts(classes)), static_cast<unsigned>(images)),
          dim3(kThreads)};
}

}  // namespace

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
RowDivision divideRow(int classes) {
  const int packs = paddedToPacks(classes) / kPack;
  const size_t room =
      static_cast<size_t>(deviceAttribute(cudaDevAttrMaxSharedMemoryPerBlockOptin)) -
      kOtherSharedBytes;
  const int largest = deviceAttribute(cudaDevAttrClusterLaunch) != 0 ? kLargestCluster : 1;
  for (const size_t most : {kGoodRowBytes, room}) {
    for (int blocks = 1; blocks <= largest; blocks *= 2) {
      const RowDivision division = {blocks, (packs + blocks - 1) / blocks};
      if (rowSoftmaxBytes<T>(division.packs) <= most && hasRoom<T>(division)) return division;
    }
  }
  return {};
}

template <class T>
void rowSoftmax(const HeadRule* rule, bool fractional, const LogitBlock<T>& block,
                const RowDivision& division, const HeadImages& out, cudaStream_t stream) {
  const RowSoftmaxLaunch<T> row(fractional, division, block.images);
  row.allow();
  launch("softmax", row.kernel, row.shape, stream, rule, block, division.packs, out);
}

#define SPHEREFACE_FOR_TYPE(T)                                                               \
  template void rowStatistics(const HeadRule*, bool, const LogitBlock<T>&, const int32_t*,   \
                              RowPart*, cudaStream_t);                                       \
  template void rowGradients(const HeadRule*, bool, const LogitBlock<T>&, const HeadImages&, \
                             cudaStream_t);                                                  \
  template RowDivision divideRow<T>(int);                                                    \
  template void rowSoftmax(const HeadRule*, bool, const LogitBlock<T>&, const RowDivision&,  \
                           const HeadImages&, cudaStream_t);
SPHEREFACE_FOR_TYPE(float)
SPHEREFACE_FOR_TYPE(Bf16)
#undef SPHEREFACE_FOR_TYPE

}  // namespace sphereface
