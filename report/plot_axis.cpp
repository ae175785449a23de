// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/plot_axis.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace sphereface {
namespace {

/// Values this close to a tick, in steps, are on it.
constexpr double kSlack = 1e-6;
constexpr double kInfinity = 1e300;

double niceStep(Range range, size_t most) {
  const double raw = (range.high - range.low) / static_cast<double>(std::max<size_t>(most, 1));
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= raw * (1 - kSlack)) return factor * power;
  }
  return 10 * power;
}

std::string fixed(double value, double step, const char* unit) {
  int decimals = 0;
  for (double scaled = step;
       decimals < 9 && std::abs(scaled - std::round(scaled)) > kSlack * scaled; scaled *= 10) {
    ++decimals;
  }
  if (value == 0) return "0";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f%s", decimals, value, unit);
  return text;
}

/// "1e-5" rather than "1e-05".
std::string shortest(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", value);
  std::string label = text;
  const size_t exponent = label.find('e');
  if (exponent == std::string::npos) return label;
  const size_t digits = exponent + 2;
  while (label[digits] == '0')
    label.erase(digits, 1);
  if (label[exponent + 1] == '+') label.erase(exponent + 1, 1);
  return label;
}

std::string linearLabel(double value, double step, Range range) {
  const double largest = std::max(std::abs(range.low), std::abs(range.high));
  if (largest >= 1e10 || step < 1e-5) return shortest(value);
  if (largest >= 1e7) return fixed(value / 1e6, step / 1e6, "M");
  if (largest >= 1e4 && step >= 100) return fixed(value / 1e3, step / 1e3, "k");
  return fixed(value, step, "");
}

std::vector<Tick> linearTicks(Range range, size_t most) {
  const double step = niceStep(range, most);
  const double first = std::ceil(range.low / step - kSlack);
  const double last = std::floor(range.high / step + kSlack);
  std::vector<Tick> ticks;
  for (int i = 0; i <= static_cast<int>(last - first); ++i) {
    const double value = (first + i) * step;
    ticks.push_back({value, linearLabel(value, step, range)});
  }
  return ticks;
}

std::vector<Tick> logarithmicTicks(Range range, size_t most) {
  const int first = static_cast<int>(std::floor(std::log10(range.low) + kSlack));
  const int last = static_cast<int>(std::ceil(std::log10(range.high) - kSlack));
  const size_t decades = static_cast<size_t>(std::max(last - first, 1));
  const size_t stride = (decades + most) / std::max<size_t>(most, 1);
  std::vector<Tick> ticks;
  for (int power = first; power <= last; ++power) {
    for (int digit = 1; digit <= 9; ++digit) {
      const double value = digit * std::pow(10.0, power);
      if (value < range.low * (1 - kSlack) || value > range.high * (1 + kSlack)) continue;
      const bool power_label = digit == 1 && static_cast<size_t>(power - first) % stride == 0;
      const bool between_label = decades <= 2 && (digit == 2 || digit == 5);
      if (power_label || between_label) {
        ticks.push_back({value, shortest(value)});
      } else if (decades <= 8) {
        ticks.push_back({value, ""});
      }
    }
  }
  return ticks;
}

}  // namespace

std::vector<Tick> axisTicks(Range range, bool logarithmic, size_t most) {
  return logarithmic ? logarithmicTicks(range, most) : linearTicks(range, most);
}

Range widenToTicks(Range range, bool logarithmic, size_t most) {
  if (logarithmic) return {range.low / 1.1, range.high * 1.1};
  // The longer range may get a longer step, and that a still longer range.
  for (double step = 0; step != niceStep(range, most);) {
    step = niceStep(range, most);
    range = {std::floor(range.low / step + kSlack) * step,
             std::ceil(range.high / step - kSlack) * step};
  }
  return range;
}

void checkRange(Range range, bool logarithmic) {
  const auto [low, high] = range;
  if (!(low < high) || !std::isfinite(high - low) || (logarithmic && low <= 0)) {
    throw Error(concat("plot: impossible axis range ", low, " .. ", high));
  }
}

bool PlotAxis::shows(double value) const {
  return std::abs(value) < kInfinity && (!logarithmic || value > 1 / kInfinity);
}

double PlotAxis::place(double value) const {
  if (!logarithmic) return (value - range.low) / (range.high - range.low);
  return std::log(value / range.low) / std::log(range.high / range.low);
}

}  // namespace sphereface
