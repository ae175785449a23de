// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The stand-in for a GPU that the other tests of kernels trust: that it lets correct kernels
// through and shows what is wrong with others.

#include <gtest/gtest.h>

#include <cuda_pipeline.h>

#include <numeric>
#include <vector>

#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/cuda_head.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/layer_kernels.h"
#include "kernels/cuda/reduce.cuh"
#include "tests/kernels/gpu_arrays.h"
#include "tests/kernels/head_cases.h"
#include "tests/kernels/row_softmax.h"
#include "tests/support/golden.h"

namespace sphereface {
namespace {

constexpr unsigned kThreads = 64;

/// Puts the order back.
class CudaHost : public ::testing::Test {
 protected:
  ~CudaHost() override { cuda_host::setThreadOrder(0); }
};

__global__ void reverseKernel(int* values, bool with_barrier) {
  __shared__ int shared[kThreads];
  shared[threadIdx.x] = values[threadIdx.x];
  if (with_barrier) __syncthreads();
  values[threadIdx.x] = shared[kThreads - 1 - threadIdx.x];
  __syncthreads();
}

/// Whether 64 numbers, other ones for every seed, come out in reverse.
bool reverses(int seed, bool with_barrier) {
  cuda_host::setThreadOrder(static_cast<uint64_t>(seed));
  std::vector<int> values(kThreads);
  std::iota(values.begin(), values.end(), 100 * seed);
  const std::vector<int> want(values.rbegin(), values.rend());
  launch("reverse", reverseKernel, {dim3(1), dim3(kThreads)}, nullptr, values.data(), with_barrier);
  return values == want;
}

TEST_F(CudaHost, BarriersHoldInEveryOrder) {
  for (const int seed : {0, 1, 2, 3})
    EXPECT_TRUE(reverses(seed, true)) << seed;
}

TEST_F(CudaHost, AMissingBarrierIsSeen) {
  for (const int seed : {0, 1, 2, 3})
    EXPECT_FALSE(reverses(seed, false)) << seed;
}

__global__ void sumKernel(const float* values, int count, float* sum) {
  float own = 0;
  for (int k = static_cast<int>(threadIdx.x); k < count; k += kThreads)
    own += values[k];
  own = blockReduce<kThreads>(own, 0.0F, Add());
  if (threadIdx.x == 0) sum[blockIdx.x] = own + static_cast<float>(blockIdx.x);
}

TEST_F(CudaHost, ReducesOverWarpsAndBlocks) {
  std::vector<float> values(100);
  std::iota(values.begin(), values.end(), 1.0F);
  for (const uint64_t seed : {0, 5}) {
    cuda_host::setThreadOrder(seed);
    std::vector<float> sums(3);
    launch("sum", sumKernel, {dim3(3), dim3(kThreads)}, nullptr, values.data(), 100, sums.data());
    EXPECT_EQ(sums, (std::vector<float>{5050, 5051, 5052}));
  }
}

__global__ void indexKernel(unsigned* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] += block + thread;
}

TEST_F(CudaHost, EveryThreadOfEveryBlockRunsOnce) {
  std::vector<unsigned> out(size_t{2} * 3 * 2 * 4 * 2 * 5);
  launch("index", indexKernel, {dim3(2, 3, 2), dim3(4, 2, 5)}, nullptr, out.data());
  for (unsigned k = 0; k < out.size(); ++k)
    ASSERT_EQ(out[k], k / 40 + k % 40);
}

__global__ void lopsidedKernel() {
  if (threadIdx.x > 0) __syncthreads();
}

__global__ void shortWarpKernel(float* value) {
  *value = __shfl_xor_sync(0xffffffffU, *value, 1);
}

TEST_F(CudaHost, ABarrierThatSomeNeverReachEndsTheProgram) {
  EXPECT_DEATH(launch("lopsided", lopsidedKernel, {dim3(1), dim3(kThreads)}, nullptr),
               "wait for others that have ended");
}

TEST_F(CudaHost, AShuffleWithAbsentLanesEndsTheProgram) {
  float value = 1;
  EXPECT_DEATH(launch("short", shortWarpKernel, {dim3(1), dim3(16)}, nullptr, &value),
               "fewer than 32 threads");
}

// ---------------------------------------------------------------------------- clusters and copies

/// Each block gives its neighbour a number of its own, in static and in the launch's memory.
__global__ void neighbourKernel(const int* numbers, bool wait_before, bool wait_after, int* out) {
  __shared__ int own;
  auto* const given = dynamicShared<int>();
  if (threadIdx.x == 0) {
    own = numbers[blockIdx.x];
    given[1] = own;
  }
  if (wait_before) clusterBarrier();
  const int blocks = static_cast<int>(gridDim.x);
  const int next = (static_cast<int>(blockIdx.x) + 1) % blocks;
  __syncthreads();
  if (threadIdx.x == 1) out[blockIdx.x] = *ofClusterBlock(given + 1, next) - own;
  if (wait_after) clusterBarrier();
}

/// Differences of 1 to the next of 4 numbers, but the last's.
bool reachesNeighbours(int seed, bool wait_before, bool wait_after) {
  cuda_host::setThreadOrder(static_cast<uint64_t>(seed));
  const std::vector<int> numbers = {10, 11, 12, 13};
  std::vector<int> out(4);
  const LaunchShape shape = {dim3(4), dim3(kThreads), 2 * sizeof(int), 4};
  launch("neighbour", neighbourKernel, shape, nullptr, numbers.data(), wait_before, wait_after,
         out.data());
  return out == std::vector<int>{1, 1, 1, -3};
}

TEST_F(CudaHost, BlocksOfAClusterReadEachOthersMemory) {
  for (const int seed : {0, 1, 2, 3}) {
    EXPECT_TRUE(reachesNeighbours(seed, true, true)) << seed;
    EXPECT_FALSE(reachesNeighbours(seed, false, true)) << seed;
    EXPECT_FALSE(reachesNeighbours(seed, true, false)) << seed;
  }
}

__global__ void leaverKernel() {
  if (blockIdx.x > 0) clusterBarrier();
}

TEST_F(CudaHost, ABlockThatLeavesItsClusterEndsTheProgram) {
  // Tests before this one had threads.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const LaunchShape shape = {dim3(2), dim3(kThreads), 0, 2};
  EXPECT_DEATH(launch("leaver", leaverKernel, shape, nullptr), "blocks of a cluster wait for");
}

__global__ void copyKernel(const int* from, bool wait, int* to) {
  auto* const kept = dynamicShared<int>();
  __pipeline_memcpy_async(kept + threadIdx.x, from + threadIdx.x, sizeof(int));
  __pipeline_commit();
  if (wait) __pipeline_wait_prior(0);
  to[threadIdx.x] = kept[threadIdx.x];
  if (!wait) __pipeline_wait_prior(0);
}

TEST_F(CudaHost, CopiesArriveWhenTheyAreWaitedFor) {
  std::vector<int> from(kThreads);
  std::iota(from.begin(), from.end(), 7);
  for (const bool wait : {false, true}) {
    std::vector<int> to(kThreads);
    const LaunchShape shape = {dim3(1), dim3(kThreads), kThreads * sizeof(int)};
    launch("copy", copyKernel, shape, nullptr, from.data(), wait, to.data());
    EXPECT_EQ(to == from, wait);
  }
}

// --------------------------------------------------------- the project's kernels in other orders

TEST_F(CudaHost, TheHeadsBitsDontDependOnTheOrderOfThreads) {
  const reference::HeadInput input = testing::randomInput(5, 24, 300, {4, 5}, 3);
  for (const bool streaming : {false, true}) {
    std::vector<std::vector<float>> results;
    for (const uint64_t seed : {0, 1, 2}) {
      cuda_host::setThreadOrder(seed);
      const GpuContext context(0);
      EngineOptions options;
      options.head.streaming = streaming;
      options.batch = input.batch;
      options.network.embedding = input.dim;
      options.classes = input.classes;
      const auto x = testing::onDevice(std::vector<float>(input.x.begin(), input.x.end()));
      const auto W = testing::onDevice(std::vector<float>(input.W.begin(), input.W.end()));
      const auto labels =
          testing::onDevice(std::vector<int32_t>(input.labels.begin(), input.labels.end()));
      const DeviceBuffer<float> dW(input.W.size());
      const DeviceBuffer<float> dx(input.x.size());
      const DeviceBuffer<HeadStats> stats(1);
      CudaHead<float> head(context, options, {W.span(), dW.span(), {}});
      head.setRule(input.step, 1);
      head.run(x.data(), labels.data(), false, dx.data(), stats.data());
      results.push_back(testing::fromDevice(dW));
      const std::vector<float> d_embeddings = testing::fromDevice(dx);
      results.back().insert(results.back().end(), d_embeddings.begin(), d_embeddings.end());
      results.back().push_back(static_cast<float>(testing::fromDevice(stats)[0].loss_sum));
    }
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

/// Of threads and of a cluster's blocks.
TEST_F(CudaHost, ASharedRowsBitsDontDependOnTheOrder) {
  const auto bits_in = [](uint64_t seed) {
    cuda_host::setThreadOrder(seed);
    testing::RowSoftmax<float> rows(HeadOptions::Type::kASoftmax, 300);
    return rows.onePass({4, 10}).gradients;
  };
  const std::vector<float> want = bits_in(0);
  for (uint64_t seed = 1; seed <= 8; ++seed)
    EXPECT_EQ(bits_in(seed), want) << seed;
}

TEST_F(CudaHost, TheLayersBitsDontDependOnTheOrderOfThreads) {
  const ChannelShape shape = {300, 24};
  std::vector<float> z(shape.elements());
  Random random(1);
  for (float& value : z)
    value = static_cast<float>(random.normal());
  const std::vector<float> channels(24, 0.25F);
  std::vector<std::vector<float>> results;
  for (const uint64_t seed : {0, 1, 2}) {
    cuda_host::setThreadOrder(seed);
    const DeviceBuffer<float> scratch(preluBackwardScratch(shape));
    const DeviceBuffer<float> sums(48);
    const DeviceBuffer<float> dpre(shape.elements());
    preluBackward<float>(shape, z.data(), channels.data(), channels.data(), z.data(), nullptr,
                         false, dpre.data(), {sums.data(), sums.data() + 24, false}, scratch.data(),
                         nullptr);
    results.push_back(testing::fromDevice(sums));
    const FilterShape filter = {2, 40, 42};
    const DeviceBuffer<float> packed(filter.packedCount());
    packFilter(filter, z.data(), packed.data(), nullptr);
    const std::vector<float> turned = testing::fromDevice(packed);
    results.back().insert(results.back().end(), turned.begin(), turned.end());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace sphereface
