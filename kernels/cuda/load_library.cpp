// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The GPU's code for programs that have to start where there is no CUDA: it is in a shared library,
// which is loaded when a GPU is first asked for.

#include <dlfcn.h>

#include "base/error.h"
#include "kernels/cuda/cuda_engine.h"
#include "kernels/cuda/exports.h"

namespace sphereface {
namespace {

/// Never unloaded: what is made is of its code.
const CudaLibrary& loadLibrary() {
  void* const library = dlopen("libsphereface_cuda.so", RTLD_NOW | RTLD_LOCAL);
  const void* const exported = library == nullptr ? nullptr : dlsym(library, kCudaLibrary);
  if (exported == nullptr) {
    throw Error(concat("device CUDA: the GPU kernels can't be loaded: ", dlerror(),
                       " (they are built where CUDA 12, cuDNN 9 and NCCL are found, and need "
                       "their libraries to run); use device CPU"));
  }
  return *static_cast<const CudaLibrary*>(exported);
}

const CudaLibrary& library() {
  static const CudaLibrary& loaded = loadLibrary();
  return loaded;
}

}  // namespace

std::unique_ptr<Engine> makeCudaEngine(const EngineOptions& options) {
  return std::unique_ptr<Engine>(library().make_engine(options));
}

std::string newGpuGroup() {
  std::string id;
  library().new_group(id);
  return id;
}

void checkForGpu() {
  library().count_gpus();
}

std::unique_ptr<ScoreCounter> makeCudaScoreCounter(const ScoreCounterOptions& options) {
  return std::unique_ptr<ScoreCounter>(library().make_score_counter(options));
}

}  // namespace sphereface
