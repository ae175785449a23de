// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/layer_kernels.h"

#include <algorithm>

#include "kernels/cuda/launch.cuh"

namespace sphereface {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kTile = 32;
// Blocks of a pass over all rows: several for each of a large card's multiprocessors.
constexpr size_t kMostBlocks = 1024;

// ------------------------------------------------------------------------------------------- input

template <class T>
__global__ void normalizeImagesKernel(const uint8_t* images, size_t count, int channels, int pixels,
                                      float mean, float scale, Pack<T>* out) {
  const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= count) return;
  const size_t size = static_cast<size_t>(pixels);
  const uint8_t* from = images + at / size * size * static_cast<size_t>(channels) + at % size;
  Pack<T> pack;
  for (int c = 0; c < kPack; ++c) {
    const float value =
        c < channels ? (static_cast<float>(from[static_cast<size_t>(c) * size]) - mean) * scale : 0;
    storeFloat(pack.lane[c], value);
  }
  out[at] = pack;
}

// ------------------------------------------------------------------------------------------- PReLU

/// A thread keeps one pack of channels and walks down the rows.
struct ChannelWalk {
  unsigned groups;  // packs of a row
  unsigned group;
  unsigned line;   // this thread's first row in a block's stretch
  unsigned lines;  // rows that a block does at once

  __device__ explicit ChannelWalk(int padded)
      : groups(static_cast<unsigned>(padded) / kPack),
        group(threadIdx.x % groups),
        line(threadIdx.x / groups),
        lines(blockDim.x / groups) {}
  __device__ size_t firstRow() const { return static_cast<size_t>(blockIdx.x) * lines + line; }
  __device__ size_t step() const { return static_cast<size_t>(gridDim.x) * lines; }
  __device__ size_t at(size_t row) const { return row * groups + group; }
};

LaunchShape walkShape(const ChannelShape& shape) {
  const auto groups = static_cast<unsigned>(shape.padded()) / kPack;
  const unsigned lines = std::max(1U, kThreads / groups);
  LaunchShape launch;
  launch.block = dim3(groups * lines);
  launch.grid =
      dim3(static_cast<unsigned>(std::min<size_t>(kMostBlocks, (shape.rows + lines - 1) / lines)));
  return launch;
}

__device__ void loadChannels(const float* from, unsigned group, int channels, float* to) {
  for (int k = 0; k < kPack; ++k) {
    const int c = static_cast<int>(group) * kPack + k;
    to[k] = c < channels ? from[c] : 0;
  }
}

template <class T, bool kSkip>
__global__ void preluForwardKernel(size_t rows, int channels, const Pack<T>* z, const float* bias,
                                   const float* slope, const Pack<T>* skip, Pack<T>* out) {
  const ChannelWalk walk(paddedToPacks(channels));
  float b[kPack];
  float s[kPack];
  loadChannels(bias, walk.group, channels, b);
  loadChannels(slope, walk.group, channels, s);
  for (size_t row = walk.firstRow(); row < rows; row += walk.step()) {
    Pack<T> pack = z[walk.at(row)];
    Pack<T> skipped;
    if (kSkip) skipped = skip[walk.at(row)];
    for (int k = 0; k < kPack; ++k) {
      const float pre = toFloat(pack.lane[k]) + b[k];
      const float post = pre > 0 ? pre : s[k] * pre;
      storeFloat(pack.lane[k], kSkip ? post + toFloat(skipped.lane[k]) : post);
    }
    out[walk.at(row)] = pack;
  }
}

/// Adds a pack of every thread over the block's lines and writes the sums of the block.
__device__ void sumOverLines(const ChannelWalk& walk, const float* own, float* sums) {
  float* const shared = dynamicShared<float>();
  for (int k = 0; k < kPack; ++k)
    shared[threadIdx.x * kPack + static_cast<unsigned>(k)] = own[k];
  __syncthreads();
  const unsigned width = walk.groups * kPack;
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) {
    float sum = 0;
    for (unsigned line = 0; line < walk.lines; ++line)
      sum += shared[line * width + c];
    sums[static_cast<size_t>(blockIdx.x) * width + c] = sum;
  }
  __syncthreads();
}

template <class T, bool kBranch, bool kBias>
__global__ void preluBackwardKernel(size_t rows, int channels, const Pack<T>* z, const float* bias,
                                    const float* slope, const Pack<T>* grad, Pack<T>* branch,
                                    bool keep_branch, Pack<T>* dpre, float* slope_sums,
                                    float* bias_sums) {
  const ChannelWalk walk(paddedToPacks(channels));
  float b[kPack];
  float s[kPack];
  float d_slope[kPack] = {};
  float d_bias[kPack] = {};
  loadChannels(bias, walk.group, channels, b);
  loadChannels(slope, walk.group, channels, s);
  for (size_t row = walk.firstRow(); row < rows; row += walk.step()) {
    const size_t at = walk.at(row);
    const Pack<T> values = z[at];
    Pack<T> g = grad[at];
    Pack<T> other;
    if (kBranch) other = branch[at];
    Pack<T> d;
    for (int k = 0; k < kPack; ++k) {
      const float pre = toFloat(values.lane[k]) + b[k];
      float total = toFloat(g.lane[k]);
      if (kBranch) total += toFloat(other.lane[k]);
      const float below = pre > 0 ? total : s[k] * total;
      d_slope[k] += pre > 0 ? 0 : pre * total;
      if (kBias) d_bias[k] += below;
      storeFloat(d.lane[k], below);
      if (kBranch) storeFloat(other.lane[k], total);
    }
    dpre[at] = d;
    if (kBranch && keep_branch) branch[at] = other;
  }
  sumOverLines(walk, d_slope, slope_sums);
  if (kBias) sumOverLines(walk, d_bias, bias_sums);
}

// ------------------------------------------------------------------------------------ sums of rows

/// Of partial sums [parts, stride]; a block has kTile columns and 8 threads for each.
constexpr unsigned kPartLines = 8;

__global__ void finishSumsKernel(int parts, int stride, int columns, const float* partial,
                                 bool accumulate, float* sums) {
  __shared__ float of_line[kPartLines][kTile];
  const int column = static_cast<int>(blockIdx.x * kTile + threadIdx.x);
  float sum = 0;
  if (column < columns) {
    for (int part = static_cast<int>(threadIdx.y); part < parts; part += kPartLines)
      sum += partial[static_cast<size_t>(part) * static_cast<size_t>(stride) +
                     static_cast<size_t>(column)];
  }
  of_line[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || column >= columns) return;
  float total = accumulate ? sums[column] : 0;
  for (unsigned line = 0; line < kPartLines; ++line)
    total += of_line[line][threadIdx.x];
  sums[column] = total;
}

void finishSums(int parts, int stride, int columns, const float* partial, bool accumulate,
                float* sums, cudaStream_t stream) {
  launch("finish sums of rows", finishSumsKernel,
         {dim3(blocksFor(static_cast<size_t>(columns), kTile)), dim3(kTile, kPartLines)}, stream,
         parts, stride, columns, partial, accumulate, sums);
}

constexpr size_t kRowsOfAPart = 32;

__global__ void sumRowsKernel(size_t rows, int columns, const float* in, float* partial) {
  const size_t column = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (column >= static_cast<size_t>(columns)) return;
  const size_t first = static_cast<size_t>(blockIdx.y) * kRowsOfAPart;
  float sum = 0;
  for (size_t row = first; row < first + kRowsOfAPart && row < rows; ++row)
    sum += in[row * static_cast<size_t>(columns) + column];
  partial[blockIdx.y * static_cast<size_t>(columns) + column] = sum;
}

__global__ void fillRowsKernel(size_t count, int columns, const float* row, float* out) {
  const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at < count) out[at] = row[at % static_cast<size_t>(columns)];
}

template <class T>
__global__ void convertRowsKernel(size_t count, int columns, int padded, const float* in, T* out) {
  const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= count) return;
  const size_t row = at / static_cast<size_t>(columns);
  storeFloat(out[row * static_cast<size_t>(padded) + at % static_cast<size_t>(columns)], in[at]);
}

// --------------------------------------------------------------------------------- weight layouts

// A block turns a tile of one output's [in, taps] or [taps, in]; kTileLines rows of it at once.
constexpr unsigned kTileLines = 8;

/// A block's tile of the numbers of one output channel: plain [in][taps], packed [taps][padded].
struct FilterTile {
  int in;
  int taps;
  int padded;

  __device__ int input(int offset) const { return static_cast<int>(blockIdx.x * kTile) + offset; }
  __device__ int tap(int offset) const { return static_cast<int>(blockIdx.y * kTile) + offset; }
  __device__ bool has(int i, int t) const { return i < in && t < taps; }
  __device__ size_t plain(int i, int t) const {
    const size_t row = blockIdx.z * static_cast<size_t>(in) + static_cast<size_t>(i);
    return row * static_cast<size_t>(taps) + static_cast<size_t>(t);
  }
  __device__ size_t packed(int i, int t) const {
    const size_t row = blockIdx.z * static_cast<size_t>(taps) + static_cast<size_t>(t);
    return row * static_cast<size_t>(padded) + static_cast<size_t>(i);
  }
};

template <class T>
__global__ void packFilterKernel(FilterTile filter, const float* plain, T* packed) {
  __shared__ float tile[kTile][kTile + 1];
  const int x = static_cast<int>(threadIdx.x);
  for (int y = static_cast<int>(threadIdx.y); y < static_cast<int>(kTile); y += kTileLines) {
    const int i = filter.input(y);
    const int t = filter.tap(x);
    if (filter.has(i, t)) tile[y][x] = plain[filter.plain(i, t)];
  }
  __syncthreads();
  for (int y = static_cast<int>(threadIdx.y); y < static_cast<int>(kTile); y += kTileLines) {
    const int i = filter.input(x);
    const int t = filter.tap(y);
    if (filter.has(i, t)) storeFloat(packed[filter.packed(i, t)], tile[x][y]);
  }
}

template <class T>
__global__ void unpackFilterKernel(FilterTile filter, const T* packed, float* plain,
                                   bool accumulate) {
  __shared__ float tile[kTile][kTile + 1];
  const int x = static_cast<int>(threadIdx.x);
  for (int y = static_cast<int>(threadIdx.y); y < static_cast<int>(kTile); y += kTileLines) {
    const int i = filter.input(x);
    const int t = filter.tap(y);
    if (filter.has(i, t)) tile[y][x] = toFloat(packed[filter.packed(i, t)]);
  }
  __syncthreads();
  for (int y = static_cast<int>(threadIdx.y); y < static_cast<int>(kTile); y += kTileLines) {
    const int i = filter.input(y);
    const int t = filter.tap(x);
    if (filter.has(i, t)) {
      float& to = plain[filter.plain(i, t)];
      to = tile[x][y] + (accumulate ? to : 0);
    }
  }
}

FilterTile tileOf(const FilterShape& shape) {
  return {shape.in, shape.taps, paddedToPacks(shape.in)};
}

LaunchShape tileShape(const FilterShape& shape) {
  return {dim3(blocksFor(static_cast<size_t>(shape.in), kTile),
               blocksFor(static_cast<size_t>(shape.taps), kTile), static_cast<unsigned>(shape.out)),
          dim3(kTile, kTileLines)};
}

template <class T>
Pack<T>* packs(T* elements) {
  return reinterpret_cast<Pack<T>*>(elements);
}
template <class T>
const Pack<T>* packs(const T* elements) {
  return reinterpret_cast<const Pack<T>*>(elements);
}

}  // namespace

template <class T>
void normalizeImages(const uint8_t* images, int batch, int channels, int pixels, float mean,
                     float scale, T* out, cudaStream_t stream) {
  const size_t count = static_cast<size_t>(batch) * static_cast<size_t>(pixels);
  launch("normalise images", normalizeImagesKernel<T>,
         {dim3(blocksFor(count, kThreads)), dim3(kThreads)}, stream, images, count, channels,
         pixels, mean, scale, packs(out));
}

template <class T>
void preluForward(const ChannelShape& shape, const T* z, const float* bias, const float* slope,
                  const T* skip, T* out, cudaStream_t stream) {
  launch("PReLU", skip != nullptr ? preluForwardKernel<T, true> : preluForwardKernel<T, false>,
         walkShape(shape), stream, shape.rows, shape.channels, packs(z), bias, slope, packs(skip),
         packs(out));
}

size_t preluBackwardScratch(const ChannelShape& shape) {
  return size_t{2} * walkShape(shape).grid.x * static_cast<size_t>(shape.padded());
}

template <class T>
void preluBackward(const ChannelShape& shape, const T* z, const float* bias, const float* slope,
                   const T* grad, T* branch, bool keep_branch, T* dpre,
                   const PreluGradients& gradients, float* scratch, cudaStream_t stream) {
  LaunchShape walk = walkShape(shape);
  walk.shared_bytes = size_t{walk.block.x} * kPack * sizeof(float);
  const int padded = shape.padded();
  const auto parts = static_cast<int>(walk.grid.x);
  float* const bias_sums = scratch + static_cast<size_t>(parts) * static_cast<size_t>(padded);
  const bool with_bias = gradients.d_bias != nullptr;
  auto* const kernel =
      branch != nullptr
          ? (with_bias ? preluBackwardKernel<T, true, true> : preluBackwardKernel<T, true, false>)
          : (with_bias ? preluBackwardKernel<T, false, true>
                       : preluBackwardKernel<T, false, false>);
  launch("PReLU backward", kernel, walk, stream, shape.rows, shape.channels, packs(z), bias, slope,
         packs(grad), packs(branch), keep_branch, packs(dpre), scratch, bias_sums);
  finishSums(parts, padded, shape.channels, scratch, gradients.accumulate, gradients.d_slope,
             stream);
  if (with_bias) {
    finishSums(parts, padded, shape.channels, bias_sums, gradients.accumulate, gradients.d_bias,
               stream);
  }
}

template <class T>
void packFilter(const FilterShape& shape, const float* plain, T* packed, cudaStream_t stream) {
  launch("pack weights", packFilterKernel<T>, tileShape(shape), stream, tileOf(shape), plain,
         packed);
}

template <class T>
void unpackFilter(const FilterShape& shape, const T* packed, float* plain, bool accumulate,
                  cudaStream_t stream) {
  launch("unpack weight gradients", unpackFilterKernel<T>, tileShape(shape), stream, tileOf(shape),
         packed, plain, accumulate);
}

template <class T>
void convertRows(size_t rows, int columns, const float* in, T* out, cudaStream_t stream) {
  const size_t count = rows * static_cast<size_t>(columns);
  launch("convert rows", convertRowsKernel<T>, {dim3(blocksFor(count, kThreads)), dim3(kThreads)},
         stream, count, columns, paddedToPacks(columns), in, out);
}

void fillRows(size_t rows, int columns, const float* row, float* out, cudaStream_t stream) {
  const size_t count = rows * static_cast<size_t>(columns);
  launch("fill rows", fillRowsKernel, {dim3(blocksFor(count, kThreads)), dim3(kThreads)}, stream,
         count, columns, row, out);
}

size_t sumRowsScratch(size_t rows, int columns) {
  return blocksFor(rows, kRowsOfAPart) * static_cast<size_t>(columns);
}

void sumRows(size_t rows, int columns, const float* in, bool accumulate, float* sum, float* scratch,
             cudaStream_t stream) {
  const unsigned parts = blocksFor(rows, kRowsOfAPart);
  launch("sum rows", sumRowsKernel,
         {dim3(blocksFor(static_cast<size_t>(columns), kThreads), parts), dim3(kThreads)}, stream,
         rows, columns, in, scratch);
  finishSums(static_cast<int>(parts), columns, columns, scratch, accumulate, sum, stream);
}

#define SPHEREFACE_FOR_TYPE(T)                                                                     \
  template void normalizeImages(const uint8_t*, int, int, int, float, float, T*, cudaStream_t);    \
  template void preluForward(const ChannelShape&, const T*, const float*, const float*, const T*,  \
                             T*, cudaStream_t);                                                    \
  template void preluBackward(const ChannelShape&, const T*, const float*, const float*, const T*, \
                              T*, bool, T*, const PreluGradients&, float*, cudaStream_t);          \
  template void packFilter(const FilterShape&, const float*, T*, cudaStream_t);                    \
  template void unpackFilter(const FilterShape&, const T*, float*, bool, cudaStream_t);            \
  template void convertRows(size_t, int, const float*, T*, cudaStream_t);
SPHEREFACE_FOR_TYPE(float)
SPHEREFACE_FOR_TYPE(Bf16)
#undef SPHEREFACE_FOR_TYPE

}  // namespace sphereface
