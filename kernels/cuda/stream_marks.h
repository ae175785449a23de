// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <array>
#include <cstddef>

#include "kernels/cuda/check.h"

namespace sphereface {

/// Points in a stream's work, to tell the time between them.
template <size_t kMarks>
class StreamMarks {
 public:
  StreamMarks() {
    for (cudaEvent_t& event : events_)
      check(cudaEventCreate(&event), "make an event");
  }
  StreamMarks(const StreamMarks&) = delete;
  StreamMarks& operator=(const StreamMarks&) = delete;
  ~StreamMarks() {
    for (const cudaEvent_t event : events_)
      static_cast<void>(cudaEventDestroy(event));
  }
  void set(size_t mark, cudaStream_t stream) const {
    check(cudaEventRecord(events_.at(mark), stream), "record an event");
  }
  cudaEvent_t at(size_t mark) const { return events_.at(mark); }
  /// requires: the stream's work is done.
  double seconds(size_t from, size_t to) const {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, events_.at(from), events_.at(to)), "read an event");
    return static_cast<double>(milliseconds) / 1000;
  }

 private:
  std::array<cudaEvent_t, kMarks> events_ = {};
};

}  // namespace sphereface
