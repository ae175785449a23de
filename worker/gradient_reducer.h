// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Sums gradients over the workers while backward goes on: ranges that have become final are cut
// into buckets, and a thread reduces one bucket after the other.

#pragma once

#include <mpi.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "worker/all_reduce.h"

namespace sphereface {

struct ReducerOptions {
  Wire wire = Wire::kFp32;
  size_t bucket_bytes = size_t{4} << 20;  // of fp32; what stays in cache
  WaitOptions waits;
  // Reduce in a thread of its own; needs MPI_THREAD_MULTIPLE. Otherwise everything is reduced in
  // finish(), with nothing overlapped.
  bool threaded = true;
};

/// Used by one thread.
class GradientReducer {
 public:
  /// When a bucket was reduced, for the timeline.
  struct Span {
    std::chrono::steady_clock::time_point begin;
    std::chrono::steady_clock::time_point end;
    size_t bytes = 0;
  };

  /// `levels`: of AllReduce, for this alone.
  GradientReducer(const std::vector<MPI_Comm>& levels, const ReducerOptions& options);
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;
  ~GradientReducer();

  /// `range` is final here and may be reduced, in place. Ranges that adjoin share buckets.
  /// requires: every worker hands over the same sizes in the same order.
  void ready(std::span<float> range);

  /// Waits until everything handed over holds the sum over the workers.
  /// errors: Error of AllReduce.
  void finish();

  /// Buckets of the last step, after finish().
  const std::vector<Span>& spans() const { return done_; }

 private:
  void cut(bool all);
  void enqueue(std::span<float> bucket);
  void reduce(std::span<float> bucket);
  void work();

  size_t bucket_;  // floats
  AllReduce all_reduce_;
  std::span<float> waiting_;  // final, not yet a whole bucket
  std::deque<std::span<float>> queue_;
  size_t unfinished_ = 0;
  std::vector<Span> done_;
  bool begun_ = false;  // a step's first range has come
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable queued_;
  std::condition_variable reduced_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace sphereface
