// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/class_choice.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace sphereface {

int ClassChoice::sizeFor(int classes, double share, int images) {
  return std::clamp(static_cast<int>(std::ceil(share * classes)), std::min(images, classes),
                    classes);
}

ClassChoice::ClassChoice(int first_class, int classes, double share, int images)
    : first_class_(first_class),
      rows_(static_cast<size_t>(sizeFor(classes, share, images))),
      labels_(static_cast<size_t>(images)),
      positive_(static_cast<size_t>(classes)),
      picked_(static_cast<size_t>(classes)) {}

size_t ClassChoice::bytes() const {
  return sizeof(int32_t) * (rows_.size() + labels_.size()) + positive_.size() + picked_.size();
}

size_t ClassChoice::bytesFor(int classes, double share, int images) {
  return sizeof(int32_t) * static_cast<size_t>(sizeFor(classes, share, images) + images) +
         2 * static_cast<size_t>(classes);
}

void ClassChoice::choose(std::span<const int32_t> labels, uint64_t key) {
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
}

}  // namespace sphereface
