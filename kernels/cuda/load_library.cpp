// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The GPU's code for programs that have to start where there is no CUDA: it is in a shared library,
// which is loaded when a GPU is first asked for.

#include <dlfcn.h>

#include "base/error.h"
#include "kernels/cuda/cuda_engine.h"
#include "kernels/cuda/exports.h"
#include "kernels/cuda/gpu_group.h"

namespace sphereface {
namespace {

constexpr const char* kLibrary = "libsphereface_cuda.so";

template <class Maker>
Maker* loadMaker(const char* name) {
  // Never unloaded: what is made is of its code.
  void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  void* const maker = library == nullptr ? nullptr : dlsym(library, name);
  if (maker == nullptr) {
    throw Error(concat("device CUDA: the GPU kernels can't be loaded: ", dlerror(),
                       " (they are built where CUDA 12, cuDNN 9 and NCCL are found, and need "
                       "their libraries to run); use device CPU"));
  }
  return reinterpret_cast<Maker*>(maker);
}

}  // namespace

std::unique_ptr<Engine> makeCudaEngine(const EngineOptions& options) {
  static CudaEngineMaker* const make = loadMaker<CudaEngineMaker>(kCudaEngineMaker);
  return std::unique_ptr<Engine>(make(options));
}

std::string newGpuGroup() {
  static GpuGroupMaker* const make = loadMaker<GpuGroupMaker>(kGpuGroupMaker);
  std::string id;
  make(id);
  return id;
}

std::unique_ptr<ScoreCounter> makeCudaScoreCounter(const ScoreCounterOptions& options) {
  static CudaScoreCounterMaker* const make =
      loadMaker<CudaScoreCounterMaker>(kCudaScoreCounterMaker);
  return std::unique_ptr<ScoreCounter>(make(options));
}

}  // namespace sphereface
