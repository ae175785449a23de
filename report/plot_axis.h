// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>
#include <vector>

namespace sphereface {

struct Range {
  double low = 0;
  double high = 1;
};

struct Tick {
  double value = 0;
  std::string label;  // empty: a line of a logarithmic axis between the labelled ones
};

/// Round values in `range`, at most about `most` with a label. Linear: multiples of 1, 2, 2.5 or 5
/// times a power of ten, thousands and millions as "20k", "1.5M". Logarithmic: powers of ten, with
/// 2 and 5 times them when there are few. requires: low < high, both finite, and positive if
/// logarithmic.
std::vector<Tick> axisTicks(Range range, bool logarithmic, size_t most);

/// `range` widened to the next ticks (linear) or by a tenth on each side (logarithmic).
Range widenToTicks(Range range, bool logarithmic, size_t most);

/// errors: Error unless the range is finite and not empty, and positive if logarithmic.
void checkRange(Range range, bool logarithmic);

/// One dimension of a panel.
struct PlotAxis {
  Range range;
  bool logarithmic = false;
  std::vector<Tick> ticks;

  /// False for a value that has no place on any such axis. Beyond 1e300 values count as not finite,
  /// so that the difference of two that do is finite, too.
  bool shows(double value) const;
  /// Between 0 (low end) and 1 (high end); outside them for values outside the range.
  double place(double value) const;
};

}  // namespace sphereface
