// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/recorded_work.h"

#include "kernels/cuda/check.h"

namespace sphereface {
namespace {

/// What the work puts on the stream. Ends the capture even when not all could be put there.
cudaGraph_t capture(cudaStream_t stream, const std::function<void()>& work) {
  cudaGraph_t graph = nullptr;
  // Other threads may do what a capture doesn't allow.
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin");
  try {
    work();
  } catch (const Error&) {
    static_cast<void>(cudaStreamEndCapture(stream, &graph));
    if (graph != nullptr) static_cast<void>(cudaGraphDestroy(graph));
    static_cast<void>(cudaGetLastError());  // told of by what was thrown
    throw;
  }
  check(cudaStreamEndCapture(stream, &graph), "end");
  return graph;
}

cudaGraphExec_t record(cudaStream_t stream, const std::function<void()>& work) {
  try {
    const cudaGraph_t graph = capture(stream, work);
    cudaGraphExec_t recorded = nullptr;
    const cudaError_t status = cudaGraphInstantiate(&recorded, graph, 0);
    static_cast<void>(cudaGraphDestroy(graph));
    check(status, "make it ready");
    return recorded;
  } catch (const Error& e) {
    throw Error(concat("record work as a CUDA graph: ", e.what(),
                       "; worker.cuda_graphs: false does without"));
  }
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
  if (recorded_ == nullptr) recorded_ = record(stream, work);
  check(cudaGraphLaunch(recorded_, stream), "launch a CUDA graph");
}

}  // namespace sphereface
