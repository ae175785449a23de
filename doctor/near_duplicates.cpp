// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/near_duplicates.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <mutex>
#include <opencv2/core.hpp>

#include "base/parallel.h"
#include "base/random.h"

namespace sphereface::doctor {
namespace {

constexpr int kTables = 16;
constexpr int kBits = 20;
constexpr int kDirections = 24;
constexpr double kLeastSpread = 5e-3;  // variance, of the largest direction's
constexpr size_t kFitted = 4096;       // thumbnails that the directions are found from
constexpr size_t kNeighbours = 64;     // of one code that a thumbnail is compared with

/// Zero mean, unit length; all zeros for a thumbnail without contrast.
cv::Mat normalized(const Thumbnail& thumbnail) {
  cv::Mat row(1, static_cast<int>(Thumbnail::kPixels), CV_32F);
  std::copy(thumbnail.pixels.begin(), thumbnail.pixels.end(), row.begin<float>());
  row -= cv::mean(row)[0];
  const double length = cv::norm(row);
  if (length > 0) row /= length;
  return row;
}

/// [n, directions], each column of unit spread on the thumbnails fitted.
cv::Mat whitened(const std::vector<Thumbnail>& thumbnails) {
  const size_t n = thumbnails.size();
  const size_t fitted = std::min(n, kFitted);
  cv::Mat sample;
  for (size_t i = 0; i < fitted; ++i)
    sample.push_back(normalized(thumbnails[i * n / fitted]));
  const int directions = std::min(kDirections, static_cast<int>(fitted));
  const cv::PCA pca(sample, cv::noArray(), cv::PCA::DATA_AS_ROW, directions);
  const auto largest = static_cast<double>(pca.eigenvalues.at<float>(0));
  cv::Mat scaled = pca.eigenvectors.clone();
  for (int k = 0; k < scaled.rows; ++k) {
    // In a direction of little spread copies differ by noise as much as others do.
    const double variance =
        std::max<double>(pca.eigenvalues.at<float>(k), kLeastSpread * largest + 1e-12);
    scaled.row(k) /= std::sqrt(variance);
  }
  cv::Mat result(static_cast<int>(n), scaled.rows, CV_32F);
  parallelFor(n, availableThreads(), [&](size_t i) {
    cv::Mat row = (normalized(thumbnails[i]) - pca.mean) * scaled.t();
    row.copyTo(result.row(static_cast<int>(i)));
  });
  return result;
}

/// Thumbnails by their code in one table, those of one code together.
struct Coded {
  uint32_t code = 0;
  uint32_t index = 0;
};

std::vector<Coded> codesOf(const cv::Mat& features, int table) {
  Random random(1, static_cast<uint64_t>(table));
  std::vector<float> planes(static_cast<size_t>(kBits) * static_cast<size_t>(features.cols));
  for (float& value : planes)
    value = static_cast<float>(random.normal());
  std::vector<Coded> codes(static_cast<size_t>(features.rows));
  for (int i = 0; i < features.rows; ++i) {
    const auto* feature = features.ptr<float>(i);
    const float* plane = planes.data();
    uint32_t code = 0;
    for (int bit = 0; bit < kBits; ++bit, plane += features.cols) {
      float sum = 0;
      for (int k = 0; k < features.cols; ++k)
        sum += plane[k] * feature[k];
      code |= static_cast<uint32_t>(sum > 0) << bit;
    }
    codes[static_cast<size_t>(i)] = {code, static_cast<uint32_t>(i)};
  }
  std::sort(codes.begin(), codes.end(), [](const Coded& a, const Coded& b) {
    return a.code != b.code ? a.code < b.code : a.index < b.index;
  });
  return codes;
}

}  // namespace

double likeness(const Thumbnail& a, const Thumbnail& b) {
  uint32_t sum_a = 0;
  uint32_t sum_b = 0;
  uint32_t square_a = 0;
  uint32_t square_b = 0;
  uint32_t product = 0;
  for (size_t i = 0; i < Thumbnail::kPixels; ++i) {
    const uint32_t x = a.pixels[i];
    const uint32_t y = b.pixels[i];
    sum_a += x;
    sum_b += y;
    square_a += x * x;
    square_b += y * y;
    product += x * y;
  }
  const auto n = static_cast<double>(Thumbnail::kPixels);
  const double spread_a = n * square_a - static_cast<double>(sum_a) * sum_a;
  const double spread_b = n * square_b - static_cast<double>(sum_b) * sum_b;
  if (spread_a <= 0 || spread_b <= 0) return 0;
  return (n * product - static_cast<double>(sum_a) * sum_b) / std::sqrt(spread_a * spread_b);
}

std::vector<LikePair> findLikePairs(const std::vector<Thumbnail>& thumbnails, double at_least) {
  std::vector<LikePair> pairs;
  if (thumbnails.size() < 2) return pairs;
  const cv::Mat features = whitened(thumbnails);
  std::mutex mutex;
  parallelFor(kTables, availableThreads(), [&](size_t table) {
    const std::vector<Coded> codes = codesOf(features, static_cast<int>(table));
    std::vector<LikePair> found;
    for (size_t i = 0; i < codes.size(); ++i) {
      const size_t end = std::min(codes.size(), i + 1 + kNeighbours);
      for (size_t j = i + 1; j < end && codes[j].code == codes[i].code; ++j) {
        const double value = likeness(thumbnails[codes[i].index], thumbnails[codes[j].index]);
        if (value >= at_least) found.push_back({codes[i].index, codes[j].index, value});
      }
    }
    const std::lock_guard lock(mutex);
    pairs.insert(pairs.end(), found.begin(), found.end());
  });
  const auto same = [](const LikePair& a, const LikePair& b) {
    return a.first == b.first && a.second == b.second;
  };
  std::sort(pairs.begin(), pairs.end(), [](const LikePair& a, const LikePair& b) {
    return a.first != b.first ? a.first < b.first : a.second < b.second;
  });
  pairs.erase(std::unique(pairs.begin(), pairs.end(), same), pairs.end());
  return pairs;
}

}  // namespace sphereface::doctor
