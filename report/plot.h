// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Line charts and histograms as PNG pictures. A figure is one or more panels below each other; when
// all of them have the same x_label and log_x, they share one x axis. Drawn large and reduced, with
// OpenCV's stroke font: texts are ASCII, anything else prints as '?'.
//
//   writeFigure("loss.png", "Training", {{.x_label = "step", .y_label = "loss",
//                                         .series = {{.label = "run 7", .x = steps, .y = loss}}}});

#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/plot_axis.h"

namespace sphereface {

enum class SeriesStyle {
  kLine,
  kArea,       // line and a tint down to zero
  kReference,  // thin, grey and dashed: a target or a threshold rather than a measurement
};

/// A point that is not finite, or not positive on a logarithmic axis, interrupts the line.
struct Series {
  std::string label;  // in the legend, unless empty
  std::vector<double> x;
  std::vector<double> y;  // as many as x
  SeriesStyle style = SeriesStyle::kLine;
};

/// Series get colours that colour-blind people can tell apart (Okabe and Ito), in order; they
/// repeat after seven.
struct Panel {
  std::string title = {};
  std::string x_label = {};  // with the unit: "time (s)"
  std::string y_label = {};  // written above the axis
  bool log_x = false;
  bool log_y = false;
  std::optional<Range> x_range = {};  // default: what the series need
  std::optional<Range> y_range = {};
  std::vector<Series> series = {};
};

inline constexpr int kFigureWidth = 1000;

/// 8-bit BGR, `width` pixels wide; the height follows from the number of panels.
/// errors: Error when a series has unequal numbers of x and y or a range is empty or impossible.
cv::Mat drawFigure(const std::string& title, const std::vector<Panel>& panels,
                   int width = kFigureWidth);

/// Writes the picture as PNG, whole or not at all.
void writeFigure(const std::filesystem::path& path, const std::string& title,
                 const std::vector<Panel>& panels, int width = kFigureWidth);

/// A step-shaped area: per bin, the percentage of `values` in it. The bins divide `range` equally;
/// a value outside counts in the nearest bin.
Series histogram(const std::string& label, std::span<const double> values, Range range,
                 size_t bins);

/// The values of one kind of things.
struct LabelledValues {
  std::string label;
  std::span<const double> values;
};

/// Their histograms over each other; left out, the range is theirs. requires: a value.
Panel histogramPanel(const std::string& x_label, const std::string& things,
                     const std::vector<LabelledValues>& kinds, size_t bins,
                     std::optional<Range> range = {});

}  // namespace sphereface
