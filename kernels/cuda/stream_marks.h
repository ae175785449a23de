// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <vector>

#include "kernels/cuda/check.h"

namespace sphereface {

/// Points in a stream's work, to tell the time between them and for other streams to wait for.
class StreamMarks {
 public:
  explicit StreamMarks(size_t marks) : events_(marks) {
    for (cudaEvent_t& event : events_)
      check(cudaEventCreate(&event), "make an event");
  }
  StreamMarks(const StreamMarks&) = delete;
  StreamMarks& operator=(const StreamMarks&) = delete;
  ~StreamMarks() {
    for (const cudaEvent_t event : events_)
      static_cast<void>(cudaEventDestroy(event));
  }
  /// In recorded work (recorded_work.h) the point is passed each time the work is done.
  void set(size_t mark, cudaStream_t stream) const {
    cudaStreamCaptureStatus recording = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(stream, &recording), "record an event");
    const unsigned flags =
        recording == cudaStreamCaptureStatusNone ? cudaEventRecordDefault : cudaEventRecordExternal;
    check(cudaEventRecordWithFlags(at(mark), stream, flags), "record an event");
  }
  cudaEvent_t at(size_t mark) const { return events_.at(mark); }
  /// requires: the stream's work is done.
  double seconds(size_t from, size_t to) const {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, at(from), at(to)), "read an event");
    return static_cast<double>(milliseconds) / 1000;
  }

 private:
  std::vector<cudaEvent_t> events_;
};

}  // namespace sphereface
