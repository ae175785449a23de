// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "report/plot.h"

namespace sphereface {

/// What a run's metrics.jsonl has of each figure of kStepFigures and of loss_at_chance.
struct RunCurves {
  std::vector<double> steps;
  /// As long as `steps`; NaN where a line has no number.
  std::map<std::string, std::vector<double>, std::less<>> values;
  Json last;  // line

  /// Over the steps, times `factor`.
  Series series(std::string_view figure, const std::string& label, double factor = 1) const;
};

/// A resumed run went back to its checkpoint's step: what it had written of later ones didn't
/// happen and is left out, as is a last line cut off by a kill, and what has no step. errors: Error
/// when there is no such file or no whole line in it.
RunCurves readRunCurves(const std::filesystem::path& run);

/// Draws a run's metrics.jsonl over the steps (loss beside ln C, accuracy, lambda, learning rate,
/// throughput) into plots/training.png of the run folder, and returns that path.
std::filesystem::path writeTrainingPlot(const std::filesystem::path& run, const std::string& title);

}  // namespace sphereface
