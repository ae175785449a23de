// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cuda/gpu_context.h"

#include "kernels/cuda/gpu_libraries.h"

namespace sphereface {
namespace {

// What NVIDIA recommends for Hopper; earlier cards need less.
constexpr size_t kMatrixWorkspace = size_t{32} << 20;

// The oldest card with bf16, which the kernels are compiled for.
constexpr int kLeastCapability = 8;

/// errors: as countGpus; Error when there is no such GPU.
int selectDevice(int device) {
  const int count = countGpus();
  // A launcher that gives every rank a GPU shows each but its own.
  if (count == 1) device = 0;
  if (device >= count) {
    throw Error(concat("device CUDA: GPU ", device, " is asked for, and CUDA shows this process ",
                       count, ", numbered from 0 (see CUDA_VISIBLE_DEVICES)"));
  }
  check(cudaSetDevice(device), "use the GPU");
  return device;
}

}  // namespace

int countGpus() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
    throw Error("device CUDA: this machine has no GPU that CUDA can use; use device CPU");
  }
  if (status == cudaErrorInsufficientDriver) {
    int driver = 0;
    int runtime = 0;
    static_cast<void>(cudaDriverGetVersion(&driver));
    static_cast<void>(cudaRuntimeGetVersion(&runtime));
    const std::string found = driver == 0 ? "there is no NVIDIA driver"
                                          : concat("the NVIDIA driver is for CUDA ", driver / 1000,
                                                   ".", driver % 1000 / 10);
    throw Error(concat("device CUDA: ", found, ", and this program needs one for CUDA ",
                       runtime / 1000, ".", runtime % 1000 / 10, "; use device CPU"));
  }
  check(status, "look for GPUs");
  return count;
}

GpuContext::GpuContext(int device) : libraries_(std::make_unique<GpuLibraries>()) {
  const int selected = selectDevice(device);
  cudaDeviceProp properties = {};
  check(cudaGetDeviceProperties(&properties, selected), "ask for the GPU's properties");
  name_ = concat(properties.name, ", compute capability ", properties.major, ".", properties.minor);
  if (properties.major < kLeastCapability) {
    throw Error(concat("device CUDA: ", name_, "; this program's kernels need ", kLeastCapability,
                       ".0 or later; use device CPU"));
  }
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream");
  if (const cudnnStatus_t status = cudnnCreate(&libraries_->cudnn);
      status != CUDNN_STATUS_SUCCESS) {
    throw Error(concat("cuDNN on ", name_, ": ", cudnnGetErrorString(status)));
  }
  if (const cudnnStatus_t status = cudnnSetStream(libraries_->cudnn, stream_);
      status != CUDNN_STATUS_SUCCESS) {
    throw Error(concat("cuDNN on ", name_, ": ", cudnnGetErrorString(status)));
  }
  if (const cublasStatus_t status = cublasLtCreate(&libraries_->cublas);
      status != CUBLAS_STATUS_SUCCESS) {
    throw Error(concat("cuBLASLt on ", name_, ": ", cublasLtGetStatusString(status)));
  }
  libraries_->matrix_workspace = DeviceBuffer<uint8_t>(kMatrixWorkspace);
}

GpuContext::~GpuContext() {
  if (libraries_->cublas != nullptr) static_cast<void>(cublasLtDestroy(libraries_->cublas));
  if (libraries_->cudnn != nullptr) static_cast<void>(cudnnDestroy(libraries_->cudnn));
  if (stream_ != nullptr) static_cast<void>(cudaStreamDestroy(stream_));
}

}  // namespace sphereface
