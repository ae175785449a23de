// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// GradientSum of gradients in the host's memory, by MPI: ranges that have become final are cut into
// buckets, and a thread reduces one bucket after the other.

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
#include "worker/gradient_sum.h"

namespace sphereface {

struct ReducerOptions {
  Wire wire = Wire::kFp32;
  size_t bucket_bytes = size_t{4} << 20;  // of fp32; what stays in cache
  WaitOptions waits;
  // Reduce in a thread of its own; needs MPI_THREAD_MULTIPLE. Otherwise everything is reduced in
  // finish(), with nothing overlapped.
  bool threaded = true;
};

class GradientReducer final : public GradientSum {
 public:
  /// `levels`: of AllReduce, for this alone.
  GradientReducer(const std::vector<MPI_Comm>& levels, const ReducerOptions& options);
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;
  ~GradientReducer() override;

  void ready(std::span<float> range, bool continues) override;
  void finish(std::span<float> votes) override;
  const std::vector<Span>& spans() const override { return done_; }

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
