// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Turns positions of the sample order into batches of decoded, augmented images, ahead of need.
// A sample's pixels depend on the seed and its position alone, not on threads or workers.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "data/augment.h"
#include "data/dataset.h"
#include "data/decoded_cache.h"
#include "data/sample_order.h"

namespace sphereface {

struct LoaderOptions {
  uint64_t seed = 1;
  AugmentOptions augment;
  size_t threads = 1;
  // Batches decoded ahead of the one being trained on.
  size_t prefetch = 3;
  // A record that can't be used is replaced by the next one that can; otherwise it ends the run.
  bool skip_bad_records = false;
  // Memory for decoded records; 0: every record is decoded whenever it is asked for.
  size_t cache_bytes = 0;
};

LoaderOptions loaderOptions(const DataConfig& config);

/// A record that another one took the place of.
struct BadSample {
  uint64_t record = 0;
  BadRecord::Reason reason = {};
  std::string problem;  // names the data set and the record
};

struct Batch {
  std::vector<uint8_t> images;    // [count, 3, height, width], B G R planes
  std::vector<int32_t> labels;    // [count]
  std::vector<uint64_t> records;  // [count], of the sample order, before any replacement
  std::vector<BadSample> bad_samples;
  uint64_t cache_hits = 0;  // images that needed no decoding
};

class Loader {
 public:
  /// The data set must outlive the loader.
  Loader(const Dataset& dataset, const LoaderOptions& options);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader();

  /// Asks for the samples at positions [begin, end) as one batch.
  void request(uint64_t begin, uint64_t end);
  /// Batches asked for and not yet taken.
  size_t pending() const;

  /// Whether next() has nothing to wait for, and no error.
  bool isReady() const;

  /// Puts the oldest batch asked for in `batch`, whose memory a later one is made in; waits for it.
  /// requires: pending() > 0. errors: what reading its records threw.
  void next(Batch& batch);

  /// Bytes of decoded images kept.
  uint64_t cacheBytes() const { return cache_.bytes(); }

 private:
  struct Job {
    uint64_t begin = 0;
    size_t count = 0;
    Batch batch;
    size_t claimed = 0;
    size_t done = 0;
    std::exception_ptr failure;
  };

  /// What a thread keeps from one image to the next.
  struct Scratch {
    Augmenter augmenter;
    std::vector<uint8_t> planes;
  };
  /// A record's image and label, and whether they needed no decoding.
  struct Source {
    DecodedCache::Entry image;
    bool hit = false;
  };

  void run();
  Job* claim();
  Source get(uint64_t record, std::vector<uint8_t>& planes, std::vector<BadSample>& bad);

  const Dataset& dataset_;
  LoaderOptions options_;
  size_t image_bytes_;
  DecodedCache cache_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  std::vector<Batch> spare_;  // memory to make batches in
  SampleOrder order_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sphereface
