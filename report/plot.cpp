// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/plot.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "report/plot_axis.h"
#include "report/plot_canvas.h"

namespace sphereface {
namespace {

// Lengths are in pixels of the finished picture.
constexpr double kMargin = 24;
constexpr double kTickLabelGap = 8;
constexpr double kTextSize = 0.46;  // scale of the stroke font
constexpr double kTitleSize = 0.66;
constexpr double kLineHeight = 22;
constexpr double kSwatch = 22;
constexpr double kTickSpacingX = 95;
constexpr double kTickSpacingY = 42;

const cv::Scalar kInk(34, 34, 34);
const cv::Scalar kSoftInk(100, 100, 100);
const cv::Scalar kAxis(150, 150, 150);
const cv::Scalar kGrid(228, 228, 228);
const cv::Scalar kFaintGrid(242, 242, 242);
const std::array<cv::Scalar, 7> kColors = {{{178, 114, 0},
                                            {0, 94, 213},
                                            {115, 158, 0},
                                            {167, 121, 204},
                                            {0, 159, 230},
                                            {233, 180, 86},
                                            {0, 0, 0}}};

/// A panel with the ranges and ticks of its axes decided.
struct PanelPlan {
  const Panel* panel = nullptr;
  PlotAxis x;
  PlotAxis y;
  bool shows_x_labels = true;  // false above another panel with the same axis
};

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

/// The sizes, in pixels, limit the number of ticks. The plans point to `panels`.
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

cv::Scalar colorOf(const Panel& panel, size_t series) {
  if (panel.series[series].style == SeriesStyle::kReference) return kSoftInk;
  const auto before = std::count_if(
      panel.series.begin(), panel.series.begin() + static_cast<std::ptrdiff_t>(series),
      [](const Series& other) { return other.style != SeriesStyle::kReference; });
  return kColors[static_cast<size_t>(before) % kColors.size()];
}

void drawDashes(Canvas& canvas, const std::vector<cv::Point2d>& points, const cv::Rect2d& clip,
                const cv::Scalar& color) {
  constexpr double kDash = 6;
  constexpr double kPeriod = 10;
  constexpr double kMostLength = 1e4;
  double travelled = 0;
  for (size_t i = 1; i < points.size(); ++i) {
    const cv::Point2d step = points[i] - points[i - 1];
    const double length = std::min(std::hypot(step.x, step.y), kMostLength);
    const double first = -std::fmod(travelled, kPeriod);
    const int dashes = static_cast<int>(std::ceil((length - first) / kPeriod));
    for (int dash = 0; dash < dashes; ++dash) {
      const double at = first + kPeriod * dash;
      const double from = std::max(at, 0.0);
      const double to = std::min(at + kDash, length);
      if (from >= to) continue;
      canvas.polyline(
          {points[i - 1] + step * (from / length), points[i - 1] + step * (to / length)}, clip,
          color, 1.3);
    }
    travelled += length;
  }
}

/// False when there is nothing to draw.
bool drawSeries(Canvas& canvas, const PanelPlan& plan, size_t index, const cv::Rect2d& area) {
  const Series& series = plan.panel->series[index];
  const cv::Scalar color = colorOf(*plan.panel, index);
  // Half a line's width more, so that a line along the edge keeps its thickness.
  const cv::Rect2d clip(area.x - 2, area.y - 2, area.width + 4, area.height + 4);
  const double zero = plan.y.shows(0) ? plan.y.place(0) : 0;
  const double base = area.y + area.height * (1 - std::clamp(zero, 0.0, 1.0));
  bool drawn = false;
  std::vector<cv::Point2d> run;
  const auto flush = [&] {
    if (run.empty()) return;
    drawn = true;
    if (series.style == SeriesStyle::kReference) {
      drawDashes(canvas, run, clip, color);
    } else {
      canvas.polyline(run, clip, color, 1.7);
    }
    if (series.style == SeriesStyle::kArea) {
      run.push_back({run.back().x, base});
      run.push_back({run.front().x, base});
      canvas.tint(run, clip, color, 0.25);
    }
    run.clear();
  };
  for (size_t i = 0; i < series.x.size(); ++i) {
    if (!plan.x.shows(series.x[i]) || !plan.y.shows(series.y[i])) {
      flush();
      continue;
    }
    run.push_back({area.x + area.width * plan.x.place(series.x[i]),
                   area.y + area.height * (1 - plan.y.place(series.y[i]))});
  }
  flush();
  return drawn;
}

/// Where the entries of a panel's legend go: right of the y label when they fit there, otherwise in
/// rows of their own.
struct Legend {
  struct Entry {
    size_t series;
    double x;
    size_t row;
  };
  std::vector<Entry> entries;
  size_t rows = 1;  // of text above the plot area, the y label's included
};

Legend layOutLegend(const Panel& panel, double left, double width) {
  constexpr double kGap = 22;
  Legend legend;
  const double label_width = Canvas::textWidth(panel.y_label, kTextSize) + kGap;
  double x = 0;
  size_t row = 0;
  for (size_t i = 0; i < panel.series.size(); ++i) {
    if (panel.series[i].label.empty()) continue;
    const double entry = kSwatch + 7 + Canvas::textWidth(panel.series[i].label, kTextSize);
    if (x > 0 && x + entry > width) {
      x = 0;
      ++row;
    }
    legend.entries.push_back({i, left + x, row});
    x += entry + kGap;
  }
  if (legend.entries.empty()) return legend;
  const double total = x - kGap;
  if (row == 0 && label_width + total <= width) {
    for (Legend::Entry& entry : legend.entries)
      entry.x += width - total;
    return legend;
  }
  for (Legend::Entry& entry : legend.entries)
    ++entry.row;
  legend.rows = row + 2;
  return legend;
}

double headerHeight(const Panel& panel, const Legend& legend) {
  return (panel.title.empty() ? 0 : kLineHeight + 2) +
         static_cast<double>(legend.rows) * kLineHeight;
}

double footerHeight(const PanelPlan& plan) {
  if (!plan.shows_x_labels) return 0;
  return kLineHeight + (plan.panel->x_label.empty() ? 0 : kLineHeight);
}

void drawHeader(Canvas& canvas, const Panel& panel, const Legend& legend, double left, double top) {
  if (!panel.title.empty()) {
    canvas.text(panel.title, left, top + kLineHeight / 2, Align::kLeft, kTextSize, kInk, 1.7);
    top += kLineHeight + 2;
  }
  const auto row_middle = [&](size_t row) {
    return top + kLineHeight * (static_cast<double>(row) + 0.5) - 2;
  };
  canvas.text(panel.y_label, left, row_middle(0), Align::kLeft, kTextSize, kSoftInk);
  for (const auto& [series, x, row] : legend.entries) {
    const double y = row_middle(row);
    const cv::Scalar color = colorOf(panel, series);
    if (panel.series[series].style == SeriesStyle::kReference) {
      canvas.line({x, y}, {x + 8, y}, color, 1.3);
      canvas.line({x + 13, y}, {x + kSwatch - 1, y}, color, 1.3);
    } else {
      canvas.line({x, y}, {x + kSwatch, y}, color, 3);
    }
    canvas.text(panel.series[series].label, x + kSwatch + 7, y, Align::kLeft, kTextSize, kInk);
  }
}

void drawGrid(Canvas& canvas, const PanelPlan& plan, const cv::Rect2d& area) {
  const double right = area.x + area.width;
  const double bottom = area.y + area.height;
  for (const bool labelled : {false, true}) {
    const cv::Scalar& color = labelled ? kGrid : kFaintGrid;
    for (const Tick& tick : plan.x.ticks) {
      if (tick.label.empty() == labelled) continue;
      const double x = area.x + area.width * plan.x.place(tick.value);
      canvas.line({x, area.y}, {x, bottom}, color, 1);
    }
    for (const Tick& tick : plan.y.ticks) {
      if (tick.label.empty() == labelled) continue;
      const double y = area.y + area.height * (1 - plan.y.place(tick.value));
      canvas.line({area.x, y}, {right, y}, color, 1);
    }
  }
  canvas.line({area.x, bottom}, {right, bottom}, kAxis, 1.2);
}

void drawLabels(Canvas& canvas, const PanelPlan& plan, const cv::Rect2d& area) {
  for (const Tick& tick : plan.y.ticks) {
    canvas.text(tick.label, area.x - kTickLabelGap,
                area.y + area.height * (1 - plan.y.place(tick.value)), Align::kRight, kTextSize,
                kSoftInk);
  }
  if (!plan.shows_x_labels) return;
  const double middle = area.y + area.height + kLineHeight / 2 + 3;
  for (const Tick& tick : plan.x.ticks) {
    canvas.text(tick.label, area.x + area.width * plan.x.place(tick.value), middle, Align::kCentre,
                kTextSize, kSoftInk);
  }
  canvas.text(plan.panel->x_label, area.x + area.width / 2, middle + kLineHeight, Align::kCentre,
              kTextSize, kSoftInk);
}

void drawPanel(Canvas& canvas, const PanelPlan& plan, const Legend& legend,
               const cv::Rect2d& area) {
  drawHeader(canvas, *plan.panel, legend, area.x, area.y - headerHeight(*plan.panel, legend));
  drawGrid(canvas, plan, area);
  bool drawn = false;
  for (size_t i = 0; i < plan.panel->series.size(); ++i) {
    drawn |= drawSeries(canvas, plan, i, area);
  }
  if (!drawn) {
    canvas.text("no data", area.x + area.width / 2, area.y + area.height / 2, Align::kCentre,
                kTextSize, kSoftInk);
  }
  drawLabels(canvas, plan, area);
}

}  // namespace

cv::Mat drawFigure(const std::string& title, const std::vector<Panel>& panels, int width) {
  if (panels.empty() || width < 200) {
    throw Error(concat("plot: ", panels.size(), " panels in ", width, " pixels"));
  }
  const double plot_height = std::round(width * (panels.size() == 1 ? 0.5 : 0.23));
  const std::vector<PanelPlan> plans = planPanels(panels, width, plot_height);
  double widest = 0;
  for (const PanelPlan& plan : plans) {
    for (const Tick& tick : plan.y.ticks) {
      widest = std::max(widest, Canvas::textWidth(tick.label, kTextSize));
    }
  }
  const double left = kMargin + widest + kTickLabelGap;
  const double plot_width = width - left - kMargin - 6;
  std::vector<Legend> legends;
  double top = kMargin / 2 + (title.empty() ? 0 : 2 * kLineHeight);
  std::vector<cv::Rect2d> areas;
  for (const PanelPlan& plan : plans) {
    legends.push_back(layOutLegend(*plan.panel, left, plot_width));
    top += headerHeight(*plan.panel, legends.back()) + 4;
    areas.emplace_back(left, top, plot_width, plot_height);
    top += plot_height + footerHeight(plan) + kMargin / 2;
  }
  Canvas canvas(width, static_cast<int>(std::ceil(top + kMargin / 2)));
  canvas.text(title, left, kMargin / 2 + kLineHeight, Align::kLeft, kTitleSize, kInk, 1.9);
  for (size_t i = 0; i < plans.size(); ++i)
    drawPanel(canvas, plans[i], legends[i], areas[i]);
  return canvas.reduced();
}

void writeFigure(const std::filesystem::path& path, const std::string& title,
                 const std::vector<Panel>& panels, int width) {
  writeFileAtomically(path, encodePng(drawFigure(title, panels, width)));
}

Series histogram(const std::string& label, std::span<const double> values, Range range,
                 size_t bins) {
  checkRange(range, false);
  if (bins == 0) throw Error("plot: a histogram without bins");
  std::vector<double> counts(bins, 0.0);
  const auto last = static_cast<double>(bins - 1);
  const double bin_width = (range.high - range.low) / static_cast<double>(bins);
  for (const double value : values) {
    if (std::isnan(value)) continue;
    counts[static_cast<size_t>(std::clamp((value - range.low) / bin_width, 0.0, last))] += 1;
  }
  Series series{label, {range.low}, {0}, SeriesStyle::kArea};
  for (size_t bin = 0; bin < bins; ++bin) {
    const double percent =
        values.empty() ? 0 : 100 * counts[bin] / static_cast<double>(values.size());
    for (const size_t edge : {bin, bin + 1}) {
      series.x.push_back(range.low + bin_width * static_cast<double>(edge));
      series.y.push_back(percent);
    }
  }
  series.x.push_back(series.x.back());
  series.y.push_back(0);
  return series;
}

Panel histogramPanel(const std::string& x_label, const std::string& things,
                     const std::vector<LabelledValues>& kinds, size_t bins,
                     std::optional<Range> range) {
  if (!range) {
    constexpr double kLeast = 1e-3;  // so that equal values have a range, too
    std::vector<double> all;
    for (const LabelledValues& kind : kinds)
      all.insert(all.end(), kind.values.begin(), kind.values.end());
    const auto [low, high] = std::minmax_element(all.begin(), all.end());
    range = {*low, std::max(*high, *low + kLeast)};
  }
  Panel panel{.x_label = x_label, .y_label = concat("% of the ", things, " of a kind, per bin")};
  for (const LabelledValues& kind : kinds)
    panel.series.push_back(histogram(kind.label, kind.values, *range, bins));
  return panel;
}

}  // namespace sphereface
