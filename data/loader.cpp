// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/loader.h"

#include <algorithm>
#include <utility>

namespace sphereface {
namespace {

constexpr uint64_t kAugmentStream = 3;

}  // namespace

Loader::Loader(const Dataset& dataset, const LoaderOptions& options)
    : dataset_(dataset),
      options_(options),
      image_bytes_(static_cast<size_t>(dataset.manifest().channels()) *
                   dataset.manifest().height() * dataset.manifest().width()),
      order_(dataset.size(), options.seed) {
  for (size_t t = 0; t < std::max<size_t>(1, options.threads); ++t) {
    threads_.emplace_back([this] { run(); });
  }
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

void Loader::request(uint64_t begin, uint64_t end) {
  auto job = std::make_unique<Job>();
  job->begin = begin;
  job->count = end - begin;
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_all();
}

size_t Loader::pending() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

Batch Loader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.front()->done == jobs_.front()->count; });
  const std::unique_ptr<Job> job = std::move(jobs_.front());
  jobs_.pop_front();
  lock.unlock();
  changed_.notify_all();
  if (job->failure) std::rethrow_exception(job->failure);
  return std::move(job->batch);
}

/// The oldest job within the prefetch distance that has unclaimed images; its buffers are made when
/// the first is claimed. requires: mutex_ held.
Loader::Job* Loader::claim() {
  const size_t ahead = std::min(jobs_.size(), options_.prefetch);
  for (size_t i = 0; i < ahead; ++i) {
    Job& job = *jobs_[i];
    if (job.claimed == job.count) continue;
    if (job.claimed == 0) {
      job.batch.images.resize(job.count * image_bytes_);
      job.batch.labels.resize(job.count);
      job.batch.records.resize(job.count);
    }
    return &job;
  }
  return nullptr;
}

void Loader::run() {
  Augmenter augmenter(options_.augment);
  std::unique_lock lock(mutex_);
  while (true) {
    Job* job = nullptr;
    changed_.wait(lock, [&] { return stopping_ || (job = claim()) != nullptr; });
    if (stopping_) return;
    const size_t index = job->claimed++;
    job->batch.records[index] = order_.record(job->begin + index);
    lock.unlock();
    std::exception_ptr failure;
    try {
      fill(*job, index, augmenter);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure && !job->failure) job->failure = failure;
    if (++job->done == job->count) changed_.notify_all();
  }
}

void Loader::fill(Job& job, size_t index, Augmenter& augmenter) {
  const uint64_t first = job.batch.records[index];
  thread_local std::vector<uint8_t> planes;
  for (uint64_t tried = 0;; ++tried) {
    try {
      job.batch.labels[index] = dataset_.readPlanes((first + tried) % dataset_.size(), planes);
      break;
    } catch (const BadRecord&) {
      if (!options_.skip_bad_records || tried + 1 == dataset_.size()) throw;
      const std::lock_guard lock(mutex_);
      ++job.batch.bad_records;
    }
  }
  Random random(options_.seed, kAugmentStream, job.begin + index);
  const cv::Size size(static_cast<int>(dataset_.manifest().width()),
                      static_cast<int>(dataset_.manifest().height()));
  augmenter.apply(planes.data(), size, random, job.batch.images.data() + index * image_bytes_);
}

}  // namespace sphereface
