// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/plot_plan.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace sphereface {
namespace {

constexpr double kTickSpacingX = 95;
constexpr double kTickSpacingY = 42;

/// The range of the values seen.
struct Extent {
  bool empty = true;
  Range range;
  void add(double value) {
    range = empty ? Range{value, value}
                  : Range{std::min(range.low, value), std::max(range.high, value)};
    empty = false;
  }
};

/// A range that has some length, also for a single value or none.
Range usable(const Extent& extent, bool logarithmic) {
  if (extent.empty) return logarithmic ? Range{0.1, 1} : Range{0, 1};
  const auto [low, high] = extent.range;
  if (low < high && high - low > 1e-12 * std::max(std::abs(low), std::abs(high))) {
    return extent.range;
  }
  if (logarithmic) return {low / 2, high * 2};
  const double half = low == 0 ? 0.5 : std::abs(low) / 2;
  return {low - half, high + half};
}

Extent extentOf(const Panel& panel, bool of_x) {
  const PlotAxis x{{}, panel.log_x, {}};
  const PlotAxis y{{}, panel.log_y, {}};
  Extent extent;
  for (const Series& series : panel.series) {
    if (series.x.size() != series.y.size()) {
      throw Error(concat("plot: series '", series.label, "' has ", series.x.size(), " x and ",
                         series.y.size(), " y"));
    }
    for (size_t i = 0; i < series.x.size(); ++i) {
      const bool shown = x.shows(series.x[i]) && y.shows(series.y[i]);
      if (shown) extent.add(of_x ? series.x[i] : series.y[i]);
    }
    const bool to_zero = series.style == SeriesStyle::kArea && !panel.log_y && !extent.empty;
    if (to_zero && !of_x) extent.add(0);
  }
  return extent;
}

}  // namespace

std::vector<PanelPlan> planPanels(const std::vector<Panel>& panels, double panel_width,
                                  double panel_height) {
  const bool shared = std::all_of(panels.begin(), panels.end(), [&](const Panel& panel) {
    return panel.x_label == panels[0].x_label && panel.log_x == panels[0].log_x;
  });
  const auto most_x = static_cast<size_t>(panel_width / kTickSpacingX);
  const auto most_y = static_cast<size_t>(panel_height / kTickSpacingY);
  Extent shared_x;
  for (const Panel& panel : panels) {
    if (panel.x_range) checkRange(*panel.x_range, panel.log_x);
    if (panel.y_range) checkRange(*panel.y_range, panel.log_y);
    Extent extent = extentOf(panel, true);
    if (panel.x_range) extent = {false, *panel.x_range};
    if (extent.empty) continue;
    shared_x.add(extent.range.low);
    shared_x.add(extent.range.high);
  }
  std::vector<PanelPlan> plans;
  for (const Panel& panel : panels) {
    const Range x = shared          ? usable(shared_x, panel.log_x)
                    : panel.x_range ? *panel.x_range
                                    : usable(extentOf(panel, true), panel.log_x);
    const Range y = panel.y_range ? *panel.y_range
                                  : widenToTicks(usable(extentOf(panel, false), panel.log_y),
                                                 panel.log_y, most_y);
    plans.push_back({&panel,
                     {x, panel.log_x, axisTicks(x, panel.log_x, most_x)},
                     {y, panel.log_y, axisTicks(y, panel.log_y, most_y)},
                     !shared || &panel == &panels.back()});
  }
  return plans;
}

}  // namespace sphereface
