// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/class_sample.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace sphereface {

int ClassSample::sizeFor(int classes, double share, int images) {
  return std::clamp(static_cast<int>(std::ceil(share * classes)), std::min(images, classes),
                    classes);
}

ClassSample::ClassSample(int first_class, int classes, int dim, double share, int images)
    : W(static_cast<size_t>(sizeFor(classes, share, images)) * static_cast<size_t>(dim)),
      dW(W.size()),
      momentum(W.size()),
      first_class_(first_class),
      dim_(static_cast<size_t>(dim)),
      rows_(static_cast<size_t>(sizeFor(classes, share, images))),
      labels_(static_cast<size_t>(images)),
      positive_(static_cast<size_t>(classes)),
      picked_(static_cast<size_t>(classes)) {}

size_t ClassSample::bytes() const {
  return sizeof(float) * (W.size() + dW.size() + momentum.size()) +
         sizeof(int32_t) * (rows_.size() + labels_.size()) + positive_.size() + picked_.size();
}

size_t ClassSample::bytesFor(int classes, int dim, double share, int images) {
  const auto part = static_cast<size_t>(sizeFor(classes, share, images));
  return sizeof(float) * 3 * part * static_cast<size_t>(dim) +
         sizeof(int32_t) * (part + static_cast<size_t>(images)) + 2 * static_cast<size_t>(classes);
}

void ClassSample::choose(std::span<const int32_t> labels, uint64_t key,
                         std::span<const float> all) {
  const auto classes = static_cast<int32_t>(positive_.size());
  auto here = [&](int32_t row) { return row >= 0 && row < classes; };
  std::ranges::fill(positive_, 0);
  for (const int32_t label : labels) {
    if (here(label - first_class_)) positive_[static_cast<size_t>(label - first_class_)] = 1;
  }
  const auto positives = static_cast<size_t>(std::ranges::count(positive_, 1));
  // A subset of the others by Floyd's method (Bentley, Floyd 1987).
  std::ranges::fill(picked_, 0);
  Random random(key, static_cast<uint64_t>(first_class_));
  const size_t others = positive_.size() - positives;
  for (size_t last = others - (rows_.size() - positives); last < others; ++last) {
    const size_t at = random.below(last + 1);
    picked_[picked_[at] != 0 ? last : at] = 1;
  }
  auto row = rows_.begin();
  size_t other = 0;
  for (int32_t candidate = 0; candidate < classes; ++candidate) {
    const bool taken = positive_[static_cast<size_t>(candidate)] != 0 || picked_[other++] != 0;
    if (taken) *row++ = candidate;
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    const int32_t own = labels[i] - first_class_;
    labels_[i] =
        here(own) ? static_cast<int32_t>(std::ranges::lower_bound(rows_, own) - rows_.begin()) : -1;
  }
  take(all, W.span());
}

void ClassSample::take(std::span<const float> all, std::span<float> part) const {
  for (size_t i = 0; i < rows_.size(); ++i) {
    std::ranges::copy(all.subspan(static_cast<size_t>(rows_[i]) * dim_, dim_),
                      part.begin() + static_cast<ptrdiff_t>(i * dim_));
  }
}

void ClassSample::put(std::span<const float> part, std::span<float> all) const {
  for (size_t i = 0; i < rows_.size(); ++i) {
    std::ranges::copy(part.subspan(i * dim_, dim_),
                      all.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(rows_[i]) * dim_));
  }
}

}  // namespace sphereface
