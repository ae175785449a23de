// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cmath>
#include <numeric>
#include <span>

#include "base/json.h"

namespace sphereface {

struct Spread {
  double mean = 0;
  double std = 0;  // sample standard deviation; 0 of a single value
};

/// requires: a value.
inline Spread spreadOf(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  Spread spread;
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  for (const double value : values)
    spread.std += (value - spread.mean) * (value - spread.mean);
  spread.std = values.size() > 1 ? std::sqrt(spread.std / (count - 1)) : 0;
  return spread;
}

inline Json spreadJson(const Spread& spread) {
  return {{"mean", spread.mean}, {"std", spread.std}};
}

}  // namespace sphereface
