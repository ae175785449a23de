// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <vector>

#include "report/plot.h"
#include "report/plot_axis.h"

namespace sphereface {

/// A panel with the ranges and ticks of its axes decided.
struct PanelPlan {
  const Panel* panel = nullptr;
  PlotAxis x;
  PlotAxis y;
  bool shows_x_labels = true;  // false above another panel with the same axis
};

/// `panel_width` and `panel_height`, in pixels, limit the number of ticks. The plans point to
/// `panels`. errors: as drawFigure.
std::vector<PanelPlan> planPanels(const std::vector<Panel>& panels, double panel_width,
                                  double panel_height);

}  // namespace sphereface
