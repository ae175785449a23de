// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/gradient_reducer.h"

#include <algorithm>

namespace sphereface {

GradientReducer::GradientReducer(const std::vector<MPI_Comm>& levels, const ReducerOptions& options)
    : bucket_(std::max<size_t>(1, options.bucket_bytes / sizeof(float))),
      all_reduce_(levels, options.wire, bucket_, options.waits) {
  if (options.threaded) thread_ = std::thread([this] { work(); });
}

GradientReducer::~GradientReducer() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  queued_.notify_one();
  thread_.join();
}

void GradientReducer::ready(std::span<float> range, bool continues) {
  if (!begun_) {
    begun_ = true;
    done_.clear();
  }
  if (continues) {
    waiting_ = {waiting_.data(), waiting_.size() + range.size()};
  } else {
    cut(true);
    waiting_ = range;
  }
  cut(false);
}

/// Makes buckets of what waits: whole ones, or of `all` of it.
void GradientReducer::cut(bool all) {
  while (waiting_.size() >= bucket_ || (all && !waiting_.empty())) {
    const size_t count = std::min(bucket_, waiting_.size());
    enqueue(waiting_.first(count));
    waiting_ = waiting_.subspan(count);
  }
}

void GradientReducer::enqueue(std::span<float> bucket) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(bucket);
    ++unfinished_;
  }
  queued_.notify_one();
}

void GradientReducer::finish(std::span<float> votes) {
  ready(votes, false);
  cut(true);
  waiting_ = {};
  begun_ = false;
  if (!thread_.joinable()) {
    for (; !queue_.empty(); queue_.pop_front(), --unfinished_)
      reduce(queue_.front());
    return;
  }
  std::unique_lock lock(mutex_);
  reduced_.wait(lock, [this] { return unfinished_ == 0 || failure_; });
  if (failure_) std::rethrow_exception(failure_);
}

void GradientReducer::reduce(std::span<float> bucket) {
  Span span;
  span.begin = std::chrono::steady_clock::now();
  all_reduce_(bucket);
  span.end = std::chrono::steady_clock::now();
  span.bytes = bucket.size_bytes();
  done_.push_back(span);
}

void GradientReducer::work() {
  while (true) {
    std::span<float> bucket;
    {
      std::unique_lock lock(mutex_);
      queued_.wait(lock, [this] { return !queue_.empty() || ending_; });
      if (ending_) return;
      bucket = queue_.front();
      queue_.pop_front();
    }
    std::exception_ptr failure;
    try {
      reduce(bucket);
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      --unfinished_;
      failure_ = failure;
    }
    reduced_.notify_one();
    if (failure) return;
  }
}

}  // namespace sphereface
