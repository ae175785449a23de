// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The benchmarks of `sphereface evaluate`, one file each: evaluate_X.cpp.

#pragma once

#include <CLI/CLI.hpp>

namespace sphereface {

void addEvaluateLfw(CLI::App& evaluate);
void addEvaluateMegaface(CLI::App& evaluate);

}  // namespace sphereface
