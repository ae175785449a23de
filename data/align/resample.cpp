// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/resample.h"

#include <algorithm>
#include <cmath>

#include "base/target_clones.h"

namespace sphereface {
namespace {

typedef float Pixel __attribute__((vector_size(4 * sizeof(float)), aligned(4), may_alias));

/// Weights of one output sample, as (source sample, weight).
struct Tap {
  int sample;
  double weight;
};

void areaTaps(int from, int to, int i, std::vector<Tap>& taps) {
  const double scale = static_cast<double>(to) / from;
  const double begin = i / scale;
  const double end = (i + 1) / scale;
  const int full_begin = static_cast<int>(std::ceil(begin));
  const int full_end = static_cast<int>(std::floor(end));
  auto add = [&](int sample, double weight) {
    if (weight > 0.001 * scale && sample >= 0 && sample < from) taps.push_back({sample, weight});
  };
  add(full_begin - 1, (full_begin - begin) * scale);
  for (int sample = full_begin; sample < full_end; ++sample)
    add(sample, scale);
  add(full_end, (end - full_end) * scale);
  double sum = 0;
  for (const Tap& tap : taps)
    sum += tap.weight;
  if (sum > 1) {
    for (Tap& tap : taps)
      tap.weight /= sum;
  }
}

void linearTaps(int from, int to, int i, std::vector<Tap>& taps) {
  const double position = (i + 0.5) * from / to - 0.5;
  const int left = static_cast<int>(std::floor(position));
  const double fraction = position - left;
  auto clamped = [&](int sample) { return std::clamp(sample, 0, from - 1); };
  if (clamped(left) == clamped(left + 1)) {
    taps.push_back({clamped(left), 1.0});
  } else {
    taps.push_back({left, 1 - fraction});
    taps.push_back({left + 1, fraction});
  }
}

SPHEREFACE_TARGET_CLONES_FOR("avx2", "default")
void accumulate(float* sum, const uchar* row, int count, float weight) {
  for (int i = 0; i < count; ++i)
    sum[i] += weight * static_cast<float>(row[i]);
}

}  // namespace

ResampleAxis resampleAxis(int from, int to, int offset, int available) {
  ResampleAxis axis;
  axis.begin.push_back(0);
  std::vector<Tap> taps;
  for (int i = 0; i < to; ++i) {
    taps.clear();
    from > to ? areaTaps(from, to, i, taps) : linearTaps(from, to, i, taps);
    int first = 0;
    bool found = false;
    for (const Tap& tap : taps) {
      const int sample = tap.sample + offset;
      if (sample < 0 || sample >= available) continue;
      if (!found) first = sample;
      found = true;
      axis.weights.push_back(static_cast<float>(tap.weight));
    }
    axis.first.push_back(first);
    axis.begin.push_back(static_cast<int>(axis.weights.size()));
  }
  return axis;
}

Resampler::Resampler(const cv::Mat& image, const cv::Rect& crop, const cv::Size& size)
    : image_(image),
      crop_(crop & cv::Rect(0, 0, image.cols, image.rows)),
      size_(size),
      horizontal_(resampleAxis(crop.width, size.width, crop.x - crop_.x, crop_.width)),
      vertical_(resampleAxis(crop.height, size.height, crop.y, image.rows)),
      source_row_(static_cast<size_t>(crop_.width) * 4),
      result_(static_cast<size_t>(size.width) * 4),
      norm_(crop.size() == size ? 1.0F : 1 / (1 + 1e-6F)) {}

const float* Resampler::row(int y) {
  std::fill(source_row_.begin(), source_row_.end(), 0.0F);
  for (int k = vertical_.begin[y]; k < vertical_.begin[y + 1]; ++k) {
    const uchar* row = image_.ptr(vertical_.first[y] + k - vertical_.begin[y]) + crop_.x * 4;
    accumulate(source_row_.data(), row, crop_.width * 4, vertical_.weights[k]);
  }
  for (int x = 0; x < size_.width; ++x) {
    const int begin = horizontal_.begin[x];
    const float* source = source_row_.data() + horizontal_.first[x] * 4;
    Pixel sum{};
    for (int k = begin; k < horizontal_.begin[x + 1]; ++k) {
      sum += *reinterpret_cast<const Pixel*>(source) * horizontal_.weights[k];
      source += 4;
    }
    *reinterpret_cast<Pixel*>(result_.data() + x * 4) = sum * norm_;
  }
  return result_.data();
}

}  // namespace sphereface
