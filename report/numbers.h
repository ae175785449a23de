// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <span>
#include <string>

namespace sphereface {

/// "99.30 %"
std::string percent(double fraction, int decimals = 2);

/// Mean and standard deviations of some values.
struct Spread {
  double mean = 0;
  double deviation = 0;         // the population's: of all values there are; "std" in JSON
  double sample_deviation = 0;  // an estimate from a sample, 0 of one value; "sample_std" in JSON
};

/// requires: a value.
Spread spreadOf(std::span<const double> values);

}  // namespace sphereface
