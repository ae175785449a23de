// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/record_scan.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <mutex>
#include <opencv2/imgproc.hpp>
#include <string_view>

#include "base/parallel.h"
#include "base/progress.h"
#include "data/pack_encoding.h"
#include "data/sample_order.h"
#include "doctor/finding.h"

namespace sphereface::doctor {
namespace {

class Deadline {
 public:
  explicit Deadline(double seconds)
      : end_(Clock::now() +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}
  bool isOver() const { return Clock::now() >= end_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point end_;
};

/// Thread-safe.
class UnusableList {
 public:
  void add(const std::string& message) {
    const std::lock_guard lock(mutex_);
    if (list_.count++ < kMostExamples) list_.messages.push_back(message);
  }
  Unusable take() {
    std::sort(list_.messages.begin(), list_.messages.end());
    return std::move(list_);
  }

 private:
  std::mutex mutex_;
  Unusable list_;
};

cv::Mat shrunkPlane(const uint8_t* plane, int height, int width, cv::Size to) {
  const cv::Mat whole(height, width, CV_8UC1, const_cast<uint8_t*>(plane));
  cv::Mat small;
  cv::resize(whole, small, to, 0, 0, cv::INTER_AREA);
  return small;
}

/// BT.601, of 256.
int greyOf(int blue, int green, int red) {
  return (29 * blue + 150 * green + 77 * red) >> 8;
}

}  // namespace

StoredFacts scanStored(const Dataset& dataset, const ScanLimits& limits) {
  const uint64_t records = dataset.size();
  StoredFacts facts;
  facts.label.assign(records, StoredFacts::kUnread);
  facts.hash.assign(records, 0);
  const Deadline deadline(limits.seconds);
  std::atomic<uint64_t> read{0};
  UnusableList unusable;
  Progress progress("reading", records, "records");
  parallelFor(records, availableThreads(), [&](size_t i) {
    if (deadline.isOver()) return;
    try {
      dataset.stored(i, [&](int label, std::string_view image) {
        facts.label[i] = label;
        facts.hash[i] = std::hash<std::string_view>()(image);
      });
      ++read;
    } catch (const BadRecord& e) {
      unusable.add(e.what());
    }
    progress.add();
  });
  facts.read = read;
  facts.unusable = unusable.take();
  return facts;
}

ImageFact describeImage(const uint8_t* planes, int height, int width) {
  const size_t area = static_cast<size_t>(height) * static_cast<size_t>(width);
  const cv::Size size(Thumbnail::kWidth, Thumbnail::kHeight);
  const cv::Mat blue = shrunkPlane(planes, height, width, size);
  const cv::Mat green = shrunkPlane(planes + area, height, width, size);
  const cv::Mat red = shrunkPlane(planes + 2 * area, height, width, size);
  ImageFact fact;
  fact.grey = true;
  double sum = 0;
  double squares = 0;
  double warm = 0;
  int centre = 0;
  for (int y = 0; y < Thumbnail::kHeight; ++y) {
    for (int x = 0; x < Thumbnail::kWidth; ++x) {
      const int b = blue.at<uint8_t>(y, x);
      const int g = green.at<uint8_t>(y, x);
      const int r = red.at<uint8_t>(y, x);
      const int grey = greyOf(b, g, r);
      fact.thumbnail.pixels[static_cast<size_t>(y) * Thumbnail::kWidth + static_cast<size_t>(x)] =
          static_cast<uint8_t>(grey);
      sum += grey;
      squares += static_cast<double>(grey) * grey;
      if (std::abs(r - g) > kGreyTolerance || std::abs(b - g) > kGreyTolerance) fact.grey = false;
      // The middle half: cheeks, nose, mouth.
      if (4 * std::abs(2 * y + 1 - Thumbnail::kHeight) <= 2 * Thumbnail::kHeight &&
          4 * std::abs(2 * x + 1 - Thumbnail::kWidth) <= 2 * Thumbnail::kWidth) {
        warm += r - b;
        ++centre;
      }
    }
  }
  const auto pixels = static_cast<double>(Thumbnail::kPixels);
  fact.brightness = static_cast<float>(sum / pixels);
  fact.contrast = static_cast<float>(
      std::sqrt(std::max(0.0, squares / pixels - sum / pixels * (sum / pixels))));
  fact.red_minus_blue = static_cast<float>(warm / centre);
  return fact;
}

void addFace(MeanFace& mean, const uint8_t* planes, int height, int width) {
  const size_t area = static_cast<size_t>(height) * static_cast<size_t>(width);
  const cv::Size size(MeanFace::kWidth, MeanFace::kHeight);
  const cv::Mat blue = shrunkPlane(planes, height, width, size);
  const cv::Mat green = shrunkPlane(planes + area, height, width, size);
  const cv::Mat red = shrunkPlane(planes + 2 * area, height, width, size);
  for (size_t i = 0; i < MeanFace::kPixels; ++i) {
    mean.sum[i] += static_cast<uint32_t>(greyOf(blue.data[i], green.data[i], red.data[i]));
  }
  ++mean.faces;
}

ImageFacts scanImages(const Dataset& dataset, const StoredFacts& stored, const ScanLimits& limits) {
  const DatasetManifest& manifest = dataset.manifest();
  const uint64_t wanted = std::min(dataset.size(), limits.images);
  SampleOrder order(dataset.size(), 1);
  std::vector<uint64_t> records(wanted);
  for (uint64_t i = 0; i < wanted; ++i)
    records[i] = order.record(i);
  std::vector<ImageFact> facts(wanted);
  std::vector<uint8_t> usable(wanted, 0);
  ImageFacts result;
  std::mutex mean_mutex;
  const Deadline deadline(limits.seconds);
  std::atomic<uint64_t> tried{0};
  UnusableList unusable;
  Progress progress("decoding", wanted, "images");
  parallelFor(wanted, availableThreads(), [&](size_t i) {
    if (deadline.isOver()) return;
    progress.add();
    // A label outside the classes is found by another check; it would be refused here.
    const int32_t label = stored.label[records[i]];
    if (label < 0 || label >= static_cast<int64_t>(manifest.classes())) return;
    thread_local std::vector<uint8_t> planes;
    ++tried;
    try {
      dataset.readPlanes(records[i], planes);
    } catch (const BadRecord& e) {
      unusable.add(e.what());
      return;
    }
    const int height = static_cast<int>(manifest.height());
    const int width = static_cast<int>(manifest.width());
    facts[i] = describeImage(planes.data(), height, width);
    if (i < MeanFace::kMostFaces) {
      const std::lock_guard lock(mean_mutex);
      addFace(result.mean, planes.data(), height, width);
    }
    facts[i].record = records[i];
    facts[i].label = label;
    usable[i] = 1;
  });
  for (uint64_t i = 0; i < wanted; ++i) {
    if (usable[i] != 0) result.images.push_back(facts[i]);
  }
  result.tried = tried;
  result.unusable = unusable.take();
  return result;
}

}  // namespace sphereface::doctor
