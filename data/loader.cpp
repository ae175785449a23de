// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/loader.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sphereface {
namespace {

constexpr uint64_t kAugmentStream = 3;
// Few enough that the threads end a batch together, enough that they seldom meet at the lock.
constexpr size_t kImagesAtOnce = 8;

}  // namespace

LoaderOptions loaderOptions(const DataConfig& config) {
  LoaderOptions options;
  options.seed = config.seed();
  options.augment = augmentOptions(config);
  options.threads = config.threads();
  options.skip_bad_records = config.bad_record() == DataConfig::SKIP;
  options.cache_bytes = size_t{config.cache_megabytes()} << 20;
  return options;
}

Loader::Loader(const Dataset& dataset, const LoaderOptions& options)
    : dataset_(dataset),
      options_(options),
      image_bytes_(static_cast<size_t>(dataset.manifest().channels()) *
                   dataset.manifest().height() * dataset.manifest().width()),
      cache_(dataset.size(), image_bytes_, options.cache_bytes),
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

bool Loader::isReady() const {
  const std::lock_guard lock(mutex_);
  return !jobs_.empty() && jobs_.front()->done == jobs_.front()->count && !jobs_.front()->failure;
}

void Loader::next(Batch& batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.front()->done == jobs_.front()->count; });
  const std::unique_ptr<Job> job = std::move(jobs_.front());
  jobs_.pop_front();
  spare_.push_back(std::exchange(batch, std::move(job->batch)));
  lock.unlock();
  changed_.notify_all();
  if (job->failure) std::rethrow_exception(job->failure);
}

/// The oldest job within the prefetch distance that has unclaimed images; its buffers are made when
/// the first is claimed. requires: mutex_ held.
Loader::Job* Loader::claim() {
  const size_t ahead = std::min(jobs_.size(), options_.prefetch);
  for (size_t i = 0; i < ahead; ++i) {
    Job& job = *jobs_[i];
    if (job.claimed == job.count) continue;
    if (job.claimed == 0) {
      if (!spare_.empty()) {
        job.batch = std::move(spare_.back());
        spare_.pop_back();
      }
      job.batch.bad_samples.clear();
      job.batch.cache_hits = 0;
      job.batch.images.resize(job.count * image_bytes_);
      job.batch.labels.resize(job.count);
      job.batch.records.resize(job.count);
    }
    return &job;
  }
  return nullptr;
}

void Loader::run() {
  Scratch scratch{Augmenter(options_.augment), {}};
  const cv::Size size(static_cast<int>(dataset_.manifest().width()),
                      static_cast<int>(dataset_.manifest().height()));
  std::unique_lock lock(mutex_);
  while (true) {
    Job* job = nullptr;
    changed_.wait(lock, [&] { return stopping_ || (job = claim()) != nullptr; });
    if (stopping_) return;
    const size_t begin = job->claimed;
    const size_t end = std::min(begin + kImagesAtOnce, job->count);
    job->claimed = end;
    for (size_t i = begin; i < end; ++i)
      job->batch.records[i] = order_.record(job->begin + i);
    lock.unlock();
    std::vector<BadSample> bad;
    uint64_t hits = 0;
    std::exception_ptr failure;
    try {
      for (size_t i = begin; i < end; ++i) {
        const Source source = get(job->batch.records[i], scratch.planes, bad);
        Random random(options_.seed, kAugmentStream, job->begin + i);
        scratch.augmenter.apply(source.image.planes, size, random,
                                job->batch.images.data() + i * image_bytes_);
        job->batch.labels[i] = source.image.label;
        hits += source.hit ? 1 : 0;
      }
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    std::ranges::move(bad, std::back_inserter(job->batch.bad_samples));
    job->batch.cache_hits += hits;
    if (failure && !job->failure) job->failure = failure;
    job->done += end - begin;
    if (job->done == job->count) changed_.notify_all();
  }
}

/// From the cache, or decoded into `planes`; the next good record's when this one is bad and that
/// is allowed.
Loader::Source Loader::get(uint64_t record, std::vector<uint8_t>& planes,
                           std::vector<BadSample>& bad) {
  Source source;
  uint64_t replaced = 0;
  while (true) {
    source.image = cache_.find(record);
    source.hit = source.image.planes != nullptr;
    if (source.hit) return source;
    try {
      source.image.label = dataset_.readPlanes(record, planes);
      source.image.planes = planes.data();
      cache_.keep(record, planes.data(), source.image.label);
      return source;
    } catch (const BadRecord& e) {
      if (!options_.skip_bad_records || ++replaced == dataset_.size()) throw;
      bad.push_back({record, e.reason(), e.what()});
      record = (record + 1) % dataset_.size();
    }
  }
}

}  // namespace sphereface
