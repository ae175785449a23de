// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <filesystem>
#include <string>

namespace sphereface {

/// Draws a run's metrics.jsonl over the steps (loss beside ln C, accuracy, lambda, learning rate,
/// throughput) into plots/training.png of the run folder, and returns that path.
std::filesystem::path writeTrainingPlot(const std::filesystem::path& run, const std::string& title);

}  // namespace sphereface
