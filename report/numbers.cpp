// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/numbers.h"

#include <cmath>
#include <numeric>

#include "base/progress.h"

namespace sphereface {

std::string percent(double fraction, int decimals) {
  return fixed(100 * fraction, decimals) + " %";
}

Spread spreadOf(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  Spread spread;
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values)
    squares += (value - spread.mean) * (value - spread.mean);
  spread.deviation = std::sqrt(squares / count);
  if (values.size() > 1) spread.sample_deviation = std::sqrt(squares / (count - 1));
  return spread;
}

}  // namespace sphereface
