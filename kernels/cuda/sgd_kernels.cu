// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/sgd_kernels.h"

#include <algorithm>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"

namespace sphereface {
namespace {

constexpr int kThreads = 256;
constexpr size_t kChunk = 1 << 14;

__global__ void sumSquaresKernel(const UpdateChunk* chunks, const float* gradients,
                                 double* squares) {
  const UpdateChunk chunk = chunks[blockIdx.x];
  double sum = 0;
  for (uint32_t k = threadIdx.x; k < chunk.count; k += kThreads) {
    const float g = gradients[chunk.begin + k];
    sum += static_cast<double>(g) * static_cast<double>(g);
  }
  sum = blockReduce<kThreads>(sum, 0.0, Add());
  if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

__device__ double blockSum(const double* values, size_t count) {
  double sum = 0;
  for (size_t k = threadIdx.x; k < count; k += kThreads)
    sum += values[k];
  return blockReduce<kThreads>(sum, 0.0, Add());
}

__global__ void addSquaresKernel(const double* squares, size_t count, float* total) {
  const double sum = blockSum(squares, count);
  if (threadIdx.x == 0) *total = static_cast<float>(sum);
}

__global__ void finishSquaresKernel(const double* squares, size_t count, const float* more,
                                    const SgdRule* rule, GradientLength* length) {
  double sum = blockSum(squares, count);
  if (threadIdx.x > 0) return;
  if (more != nullptr) sum += static_cast<double>(*more);
  length->squares = sum;
  const double norm = sqrt(sum);
  const double longest = rule != nullptr ? rule->clip_gradients : -1;
  length->scale = longest >= 0 && norm > longest ? static_cast<float>(longest / norm) : 1.0F;
}

__global__ void sgdUpdateKernel(const UpdateChunk* chunks, const SgdRule* rule,
                                const GradientLength* length, float* parameters,
                                const float* gradients, float* velocity, double* squares) {
  const UpdateChunk chunk = chunks[blockIdx.x];
  const float rate = rule->learning_rate * chunk.rate_mult;
  const float decay = rule->weight_decay * chunk.decay_mult;
  const float momentum = rule->momentum;
  const float scale = length->scale;
  double sum = 0;
  for (uint32_t k = threadIdx.x; k < chunk.count; k += kThreads) {
    const size_t at = chunk.begin + k;
    const float g = gradients[at];
    const float w = parameters[at];
    sum += static_cast<double>(g) * static_cast<double>(g);
    const float v = momentum * velocity[at] + rate * (scale * g + decay * w);
    velocity[at] = v;
    parameters[at] = w - v;
  }
  sum = blockReduce<kThreads>(sum, 0.0, Add());
  if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

LaunchShape blockEach(size_t count) {
  return {dim3(static_cast<unsigned>(count)), dim3(kThreads)};
}

}  // namespace

void addUpdateChunks(size_t offset, size_t count, float rate_mult, float decay_mult,
                     std::vector<UpdateChunk>& chunks) {
  for (size_t done = 0; done < count; done += kChunk) {
    const auto length = static_cast<uint32_t>(std::min(kChunk, count - done));
    chunks.push_back({offset + done, length, rate_mult, decay_mult});
  }
}

void sumSquares(const UpdateChunk* chunks, size_t count, const float* gradients, double* squares,
                cudaStream_t stream) {
  launch("sum squares of gradients", sumSquaresKernel, blockEach(count), stream, chunks, gradients,
         squares);
}

void addSquares(const double* squares, size_t count, float* sum, cudaStream_t stream) {
  launch("add squares of gradients", addSquaresKernel, blockEach(1), stream, squares, count, sum);
}

SgdRule sgdRule(const Update& update) {
  return {static_cast<float>(update.learning_rate), static_cast<float>(update.momentum),
          static_cast<float>(update.weight_decay), update.clip_gradients};
}

void finishSquares(const double* squares, size_t count, const float* more, const SgdRule* rule,
                   GradientLength* length, cudaStream_t stream) {
  launch("length of the gradient", finishSquaresKernel, blockEach(1), stream, squares, count, more,
         rule, length);
}

void sgdUpdate(const UpdateChunk* chunks, size_t count, const SgdRule* rule,
               const GradientLength* length, const Arena& arena, double* squares,
               cudaStream_t stream) {
  launch("update parameters", sgdUpdateKernel, blockEach(count), stream, chunks, rule, length,
         arena.parameters.data(), arena.gradients.data(), arena.momentum.data(), squares);
}

}  // namespace sphereface
