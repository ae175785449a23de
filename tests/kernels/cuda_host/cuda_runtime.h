// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Stands in for the CUDA runtime's header where kernels are compiled as host code: the project's
// .cu files and the engine around them then run in the tests of a machine without a GPU. Of CUDA
// there is what those files use. A kernel's blocks run one after the other, those of a cluster by
// turns (cluster.h); the threads of a block are fibers that change at barriers and warp operations.
// setThreadOrder permutes the order of both.
// Streams do their work at once, but while it is recorded as a graph, which a launch then does.
//
// What a card leaves undefined ends the program with a message: a barrier that some threads of a
// block never reach, a shuffle with a lane that isn't there. What it doesn't allow while recording
// fails, and so does a copy from or to memory of the host that isn't page-locked, which would be
// read whenever the graph is launched.

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

// The names are NVIDIA's.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)

#define __global__
#define __device__
#define __launch_bounds__(...)
#define __host__
// A block's threads run in one thread of the host, and so do blocks, one after the other, but for
// those of a cluster.
#define __shared__ static thread_local

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace cuda_host {

struct Thread {
  dim3 index;
  dim3 block;
  dim3 block_size;
  dim3 grid_size;
};

/// The fiber that runs.
extern constinit thread_local Thread thread;

/// The kernel can't go on.
[[noreturn]] void giveUp(const char* what);

/// Runs body() as every thread of every block. cluster: blocks of one, neighbours in x.
void run(dim3 grid, dim3 block, unsigned cluster, size_t shared_bytes,
         const std::function<void()>& body);

/// Threads begin, and go on after a barrier, in another order for every seed; 0: by their index.
void setThreadOrder(uint64_t seed);

/// Memory that cudaMallocHost gave.
bool isPageLocked(const void* memory);
void setPageLocked(const void* memory, size_t bytes);
void forgetPageLocked(const void* memory);

/// Streams whose work is recorded.
extern int recordings;

void* dynamicSharedMemory();
void blockBarrier();
void arriveAtCluster();
void waitForCluster();
/// What another block of the cluster has where this one has `own`.
void* sharedMemoryOf(const void* own, unsigned block);

/// A thread's copies.
void copyLater(void* to, const void* from, size_t bytes);
void finishCopies();

constexpr size_t kLargestExchange = 16;
/// Every thread of the warp gives `size` bytes and gets those of its lane ^ lane_mask.
void exchangeInWarp(void* value, size_t size, unsigned lane_mask);

}  // namespace cuda_host

namespace cuda_host {

template <dim3 Thread::*kMember, unsigned dim3::*kCoordinate>
struct Coordinate {
  operator unsigned() const { return thread.*kMember.*kCoordinate; }
};
/// A member of the thread that runs, whichever that is when it is read.
template <dim3 Thread::*kMember>
struct OfThread {
  Coordinate<kMember, &dim3::x> x;
  Coordinate<kMember, &dim3::y> y;
  Coordinate<kMember, &dim3::z> z;
};

}  // namespace cuda_host

inline constexpr cuda_host::OfThread<&cuda_host::Thread::index> threadIdx;
inline constexpr cuda_host::OfThread<&cuda_host::Thread::block> blockIdx;
inline constexpr cuda_host::OfThread<&cuda_host::Thread::block_size> blockDim;
inline constexpr cuda_host::OfThread<&cuda_host::Thread::grid_size> gridDim;

/// Blocks and threads take turns: nobody comes between.
template <class T>
T atomicAdd(T* at, T value) {
  const T before = *at;
  *at += value;
  return before;
}

inline unsigned __float_as_uint(float value) {
  unsigned bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
// The tests are compiled without contraction.
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}

inline void __syncthreads() {
  cuda_host::blockBarrier();
}

template <class T>
T __shfl_xor_sync(unsigned, T value, int lane_mask) {
  static_assert(sizeof(T) <= cuda_host::kLargestExchange);
  cuda_host::exchangeInWarp(&value, sizeof(T), static_cast<unsigned>(lane_mask));
  return value;
}

// ------------------------------------------------------------------------------------- the runtime

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorStreamCaptureUnsupported = 900,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize,
  cudaFuncAttributeNonPortableClusterSizeAllowed
};
enum cudaDeviceAttr { cudaDevAttrMaxSharedMemoryPerBlockOptin, cudaDevAttrClusterLaunch };

struct HostGraph {
  std::vector<std::function<void()>> work;
};
struct HostStream {
  HostGraph* recording = nullptr;
};
using cudaStream_t = HostStream*;
using cudaGraph_t = HostGraph*;
using cudaGraphExec_t = HostGraph*;
using cudaEvent_t = struct HostEvent*;
constexpr unsigned cudaStreamNonBlocking = 1;
constexpr unsigned cudaEventDisableTiming = 2;

inline bool isRecording(cudaStream_t stream) {
  return stream != nullptr && stream->recording != nullptr;
}

namespace cuda_host {

/// Work put on a stream.
inline void submit(cudaStream_t stream, std::function<void()> work) {
  if (isRecording(stream)) {
    stream->recording->work.push_back(std::move(work));
  } else {
    work();
  }
}

}  // namespace cuda_host

inline const char* cudaGetErrorString(cudaError_t error) {
  if (error == cudaErrorMemoryAllocation) return "out of memory";
  if (error == cudaErrorStreamCaptureUnsupported) {
    return "operation not permitted when stream is capturing";
  }
  return "invalid argument";
}
inline cudaError_t cudaGetLastError() {
  return cudaSuccess;
}

inline cudaError_t cudaMalloc(void** memory, size_t bytes) {
  if (cuda_host::recordings > 0) return cudaErrorStreamCaptureUnsupported;
  constexpr size_t kAlignment = 256;
  *memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  return *memory != nullptr ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError_t cudaFree(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
inline cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  const cudaError_t status = cudaMalloc(memory, bytes);
  if (status == cudaSuccess) cuda_host::setPageLocked(*memory, bytes);
  return status;
}
inline cudaError_t cudaFreeHost(void* memory) {
  cuda_host::forgetPageLocked(memory);
  return cudaFree(memory);
}
inline cudaError_t cudaMemset(void* memory, int value, size_t bytes) {
  std::memset(memory, value, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t stream) {
  if (isRecording(stream) && kind != cudaMemcpyDeviceToDevice &&
      !cuda_host::isPageLocked(kind == cudaMemcpyHostToDevice ? from : to)) {
    return cudaErrorStreamCaptureUnsupported;
  }
  cuda_host::submit(stream, [=] { std::memmove(to, from, bytes); });
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new HostStream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceSynchronize() {
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return isRecording(stream) ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
enum cudaStreamCaptureStatus { cudaStreamCaptureStatusNone = 0, cudaStreamCaptureStatusActive = 1 };
inline cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = isRecording(stream) ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr || isRecording(stream)) return cudaErrorStreamCaptureUnsupported;
  stream->recording = new HostGraph;
  ++cuda_host::recordings;
  return cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = stream->recording;
  stream->recording = nullptr;
  --cuda_host::recordings;
  return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* recorded, cudaGraph_t graph,
                                        unsigned long long) {
  *recorded = new HostGraph(*graph);
  return cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t recorded) {
  delete recorded;
  return cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t recorded, cudaStream_t) {
  for (const std::function<void()>& work : recorded->work)
    work();
  return cudaSuccess;
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  return cudaSuccess;
}
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, 0);
}
inline cudaError_t cudaEventDestroy(cudaEvent_t) {
  return cudaSuccess;
}
/// While recording, one for others to wait for is to be recorded with the flag.
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t stream) {
  return isRecording(stream) ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}
constexpr unsigned cudaEventRecordDefault = 0;
constexpr unsigned cudaEventRecordExternal = 1;
inline cudaError_t cudaEventRecordWithFlags(cudaEvent_t, cudaStream_t stream, unsigned flags) {
  const bool external = flags == cudaEventRecordExternal;
  return isRecording(stream) == external ? cudaSuccess : cudaErrorInvalidValue;
}
inline cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 0;
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel, cudaFuncAttribute, int) {
  return cudaSuccess;
}

/// An H100's.
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  constexpr int kSharedMemoryOfABlock = 227 << 10;
  *value = attribute == cudaDevAttrClusterLaunch ? 1 : kSharedMemoryOfABlock;
  return cudaSuccess;
}

enum cudaLaunchAttributeID { cudaLaunchAttributeClusterDimension };
struct cudaLaunchAttributeValue {
  dim3 clusterDim;
};
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  cudaLaunchAttributeValue val;
};
struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  const cudaLaunchAttribute* attrs = nullptr;
  unsigned numAttrs = 0;
};
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, Kernel, const cudaLaunchConfig_t*) {
  *clusters = 1;
  return cudaSuccess;
}

template <class... Expected, class... Args>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Expected...),
                               Args... args) {
  const dim3 grid = config->gridDim;
  const dim3 block = config->blockDim;
  const size_t shared_bytes = config->dynamicSmemBytes;
  const unsigned cluster = config->numAttrs > 0 ? config->attrs->val.clusterDim.x : 1;
  if (cluster == 0 || grid.x % cluster != 0) return cudaErrorInvalidValue;
  cuda_host::submit(config->stream, [=] {
    cuda_host::run(grid, block, cluster, shared_bytes, [&] { kernel(args...); });
  });
  return cudaSuccess;
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
