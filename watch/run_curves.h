// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/plot.h"

namespace sphereface {

/// The lines of a run's metrics.jsonl. A resumed run went back to its checkpoint's step: what it
/// had written of later ones didn't happen and is left out, as is a last line cut off by a kill,
/// and what has no step. errors: Error when there is no such file or no whole line in it.
std::vector<Json> readRunMetrics(const std::filesystem::path& run);

/// One field over the steps, times `factor`; NaN where it is no number.
Series metricSeries(const std::vector<Json>& lines, const char* field, const std::string& label,
                    double factor = 1);

/// Draws a run's metrics.jsonl over the steps (loss beside ln C, accuracy, lambda, learning rate,
/// throughput) into plots/training.png of the run folder, and returns that path.
std::filesystem::path writeTrainingPlot(const std::filesystem::path& run, const std::string& title);

}  // namespace sphereface
