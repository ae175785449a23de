// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/weight_norm.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace sphereface {

double weightNorm(Engine& engine) {
  constexpr size_t kAtOnce = size_t{1} << 20;
  const std::span<const float> all = engine.trunk().parameters;
  std::vector<float> part(std::min(kAtOnce, all.size()));
  double squares = 0;
  for (size_t begin = 0; begin < all.size(); begin += part.size()) {
    const std::span<float> to = std::span(part).first(std::min(part.size(), all.size() - begin));
    engine.read(all.subspan(begin, to.size()), to);
    for (const float value : to)
      squares += static_cast<double>(value) * static_cast<double>(value);
  }
  return std::sqrt(squares);
}

}  // namespace sphereface
