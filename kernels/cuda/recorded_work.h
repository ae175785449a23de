// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cuda_runtime.h>

#include <functional>

namespace sphereface {

/// Work that is put on a stream again and again, always the same kernels with the same arguments:
/// recorded as a CUDA graph, it is one launch. What differs from time to time is read from memory.
class RecordedWork {
 public:
  /// Without `records` the work is put on the stream anew each time.
  explicit RecordedWork(bool records) : records_(records) {}
  RecordedWork(const RecordedWork&) = delete;
  RecordedWork& operator=(const RecordedWork&) = delete;
  ~RecordedWork();

  /// `work` puts it on the stream, without waiting for anything, and copies between GPU and host by
  /// page-locked memory alone. Called the first time, when libraries load what they may not while
  /// recording, and the second, to be recorded. errors: Error when it can't be recorded.
  void put(cudaStream_t stream, const std::function<void()>& work);

 private:
  bool records_;
  bool loaded_ = false;
  cudaGraphExec_t recorded_ = nullptr;
};

}  // namespace sphereface
