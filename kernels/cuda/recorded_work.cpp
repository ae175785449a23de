// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/recorded_work.h"

#include "kernels/cuda/check.h"

namespace sphereface {
namespace {

constexpr const char* kRecord = "record work as a CUDA graph";

/// Ends the recording even when the work couldn't all be put on the stream.
cudaGraph_t record(cudaStream_t stream, const std::function<void()>& work) {
  cudaGraph_t graph = nullptr;
  // Other threads may do what a recording doesn't allow.
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), kRecord);
  try {
    work();
  } catch (const Error& e) {
    static_cast<void>(cudaStreamEndCapture(stream, &graph));
    if (graph != nullptr) static_cast<void>(cudaGraphDestroy(graph));
    static_cast<void>(cudaGetLastError());  // told of here
    throw Error(concat(kRecord, ": ", e.what(), "; worker.cuda_graphs: false does without"));
  }
  check(cudaStreamEndCapture(stream, &graph), kRecord);
  return graph;
}

}  // namespace

RecordedWork::~RecordedWork() {
  if (recorded_ != nullptr) static_cast<void>(cudaGraphExecDestroy(recorded_));
}

void RecordedWork::put(cudaStream_t stream, const std::function<void()>& work) {
  if (!records_ || !loaded_) {
    work();
    loaded_ = true;
    return;
  }
  if (recorded_ == nullptr) {
    const cudaGraph_t graph = record(stream, work);
    const cudaError_t status = cudaGraphInstantiate(&recorded_, graph, 0);
    static_cast<void>(cudaGraphDestroy(graph));
    check(status, kRecord);
  }
  check(cudaGraphLaunch(recorded_, stream), "launch a CUDA graph");
}

}  // namespace sphereface
