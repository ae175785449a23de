// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cuda_runtime.h>

#include <memory>
#include <string>

namespace sphereface {

struct GpuLibraries;

/// How many GPUs CUDA shows this process. errors: Error, one line a user can act on, when there is
/// none, or no driver for it.
int countGpus();

/// One GPU with the handles of the libraries that compute on it. All work of an engine is put on
/// one stream, in the order in which it is asked for.
class GpuContext {
 public:
  /// `device`: which of the GPUs that CUDA shows this process; where it shows one, that one.
  /// errors: countGpus'; Error when there is no such GPU.
  explicit GpuContext(int device);
  GpuContext(const GpuContext&) = delete;
  GpuContext& operator=(const GpuContext&) = delete;
  ~GpuContext();

  cudaStream_t stream() const { return stream_; }
  /// In the stream's work the point after which the gradients that the engine last told of are
  /// final, for other streams to wait for.
  cudaEvent_t final() const { return final_; }
  void setFinal(cudaEvent_t mark) { final_ = mark; }
  GpuLibraries& libraries() const { return *libraries_; }
  /// "NVIDIA H100 80GB HBM3, compute capability 9.0"
  const std::string& name() const { return name_; }

 private:
  cudaStream_t stream_ = nullptr;
  cudaEvent_t final_ = nullptr;
  std::unique_ptr<GpuLibraries> libraries_;
  std::string name_;
};

}  // namespace sphereface
