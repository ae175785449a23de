// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/class_sample.h"

#include <algorithm>

namespace sphereface {

ClassSample::ClassSample(int first_class, int classes, int dim, double share, int images)
    : choice_(first_class, classes, share, images),
      dim_(static_cast<size_t>(dim)),
      store_(static_cast<size_t>(size()) * dim_, true, true) {}

size_t ClassSample::bytesFor(int classes, int dim, double share, int images) {
  const auto part = static_cast<size_t>(ClassChoice::sizeFor(classes, share, images));
  return sizeof(float) * 3 * part * static_cast<size_t>(dim) +
         ClassChoice::bytesFor(classes, share, images);
}

void ClassSample::choose(std::span<const int32_t> labels, uint64_t key,
                         std::span<const float> all) {
  choice_.choose(labels, key);
  take(all, arena().parameters);
}

void ClassSample::take(std::span<const float> all, std::span<float> part) const {
  auto to = part.begin();
  for (const int32_t row : rows())
    to = std::ranges::copy(all.subspan(static_cast<size_t>(row) * dim_, dim_), to).out;
}

void ClassSample::put(std::span<const float> part, std::span<float> all) const {
  for (const int32_t row : rows()) {
    std::ranges::copy(part.first(dim_),
                      all.begin() + static_cast<ptrdiff_t>(row) * static_cast<ptrdiff_t>(dim_));
    part = part.subspan(dim_);
  }
}

}  // namespace sphereface
